// Whether a workload's port takes mutual TLS: PeerAuthentication objects of mesh, namespace and workload, in one answer.

import type { ApiObject, Path } from '../api/object.ts';
import type { PeerAuthentication } from '../api/peer-authentication.ts';
import { matchesLabels, type Labels } from './labels.ts';

export type MutualTlsMode = 'PERMISSIVE' | 'STRICT' | 'DISABLE';

/** A mode and the object and field that set it (none: Istio's default). */
export interface ModeDecision {
  readonly mode: MutualTlsMode;
  readonly cause: { readonly object: ApiObject<unknown>; readonly path: Path } | undefined;
}

export interface WorkloadAuthentication {
  /** Where no port says otherwise. */
  readonly byDefault: ModeDecision;
  readonly ports: ReadonlyMap<number, ModeDecision>;
}

const isMode = (mode: string | undefined): mode is MutualTlsMode =>
  mode === 'PERMISSIVE' || mode === 'STRICT' || mode === 'DISABLE';

const selectsAll = (object: ApiObject<PeerAuthentication>): boolean =>
  Object.keys(object.body.spec?.selector?.matchLabels ?? {}).length === 0;

/** The mode for a whole namespace, without looking at workloads: what callers assume of its services. */
export function namespaceMode(
  mesh: readonly ApiObject<PeerAuthentication>[],
  namespace: readonly ApiObject<PeerAuthentication>[],
): ModeDecision {
  let decision: ModeDecision = { mode: 'PERMISSIVE', cause: undefined };
  for (const level of [mesh, namespace]) {
    // The oldest object of a level counts; the lists come oldest first.
    const object = level.find(selectsAll);
    const mode = object?.body.spec?.mtls?.mode;
    if (object !== undefined && isMode(mode)) decision = { mode, cause: { object, path: ['spec', 'mtls', 'mode'] } };
  }
  return decision;
}

/**
 * The modes of one workload: its own policy over its namespace's over the mesh's; UNSET inherits (istio.md §2.8). A workload of the
 * root namespace has no list of its own: selectors there select nothing, as in Istio.
 */
export function workloadAuthentication(
  mesh: readonly ApiObject<PeerAuthentication>[],
  namespace: readonly ApiObject<PeerAuthentication>[],
  labels: Labels,
): WorkloadAuthentication {
  const above = namespaceMode(mesh, namespace);
  const own = namespace.find(
    (object) => !selectsAll(object) && matchesLabels(object.body.spec?.selector?.matchLabels ?? {}, labels),
  );
  if (own === undefined) return { byDefault: above, ports: new Map() };
  const mode = own.body.spec?.mtls?.mode;
  const byDefault = isMode(mode) ? { mode, cause: { object: own, path: ['spec', 'mtls', 'mode'] } } : above;
  const ports = new Map<number, ModeDecision>();
  for (const [port, level] of Object.entries(own.body.spec?.portLevelMtls ?? {})) {
    if (isMode(level?.mode)) {
      ports.set(Number(port), { mode: level.mode, cause: { object: own, path: ['spec', 'portLevelMtls', port, 'mode'] } });
    }
  }
  return { byDefault, ports };
}
