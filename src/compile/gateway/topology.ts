// What stands before a gateway: how many proxies it trusts, what they may say of clients, whether they send PROXY headers. The proxy's
// own settings count over the mesh's, field by field.

import { parse } from 'yaml';
import type { Static } from 'typebox';
import { fit, isRecord } from '../../api/fit.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { GatewayTopology } from '../../api/shared/proxy-settings.ts';
import type { ProxyNode } from '../configuration.ts';

export type Topology = Static<typeof GatewayTopology>;

const annotation = 'proxy.istio.io/config';

/** `PROXY_CONFIG` as agents say it, else the pod's annotation. What does not fit is as if it were not there. */
export function topologyOf({ metadata }: ProxyNode, { defaultConfig }: MeshConfig): Topology {
  const annotations = metadata['ANNOTATIONS'];
  const own = record(metadata['PROXY_CONFIG']) ?? record(isRecord(annotations) ? annotations[annotation] : undefined);
  const { value, findings } = fit(GatewayTopology, own?.['gatewayTopology'] ?? {});
  const fits = isRecord(value) && findings.every(({ severity }) => severity !== 'error');
  return { ...defaultConfig.gatewayTopology, ...(fits ? (value as Topology) : {}) };
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'string') return isRecord(value) ? value : undefined;
  try {
    const document: unknown = parse(value);
    return isRecord(document) ? document : undefined;
  } catch {
    return undefined;
  }
}
