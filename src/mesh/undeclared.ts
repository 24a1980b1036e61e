// Where a workload's connections go that nobody declared: where their caller dialled, nowhere, or to one place for all.

import type { ApiObject } from '../api/object.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { Sidecar } from '../api/sidecar.ts';
import { resolveHost } from './hostname.ts';
import type { Destination } from './route.ts';

export interface Undeclared {
  readonly allowed: boolean;
  /** Requests go to the host that they name, which the proxy looks up; connections to where their caller dialled. */
  readonly lookedUp: boolean;
  /** Where all of it goes (`egressProxy`); undefined: where the caller dialled. */
  readonly proxy: Destination | undefined;
}

/** What a Sidecar says of it, else the mesh. */
export function undeclaredOf(sidecar: ApiObject<Sidecar> | undefined, config: MeshConfig, domain: string): Undeclared {
  const own = sidecar?.body.spec.outboundTrafficPolicy;
  // A policy without a mode is the first word of the list, as protobuf has it.
  const mode = own === undefined ? config.outboundTrafficPolicy.mode : (own.mode ?? 'REGISTRY_ONLY');
  const allowed = mode !== 'REGISTRY_ONLY';
  const lookedUp = mode === 'ALLOW_ANY_DYNAMIC_DNS';
  if (sidecar === undefined || own?.egressProxy === undefined || !allowed) return { allowed, lookedUp, proxy: undefined };
  const { host, subset = '', port } = own.egressProxy;
  return {
    allowed,
    lookedUp,
    proxy: { host: resolveHost(host, sidecar.metadata.namespace, domain), subset, port: port?.number },
  };
}

/** Equal texts, equal places. */
export const undeclaredText = ({ allowed, lookedUp, proxy }: Undeclared): string =>
  proxy === undefined ? `${allowed} ${lookedUp}` : `${proxy.host}|${proxy.subset}|${proxy.port ?? ''}`;
