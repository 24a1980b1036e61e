// What stands before a gateway: how many proxies it trusts, what they may say of clients, whether they send PROXY headers. The proxy's
// own settings count over the mesh's, field by field.

import type { Static } from 'typebox';
import { fit, isRecord } from '../../api/fit.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { GatewayTopology } from '../../api/shared/proxy-settings.ts';
import type { ProxyNode } from '../configuration.ts';
import { ownSettings } from '../own-settings.ts';

export type Topology = Static<typeof GatewayTopology>;

/** What does not fit is as if it were not there. */
export function topologyOf(node: ProxyNode, { defaultConfig }: MeshConfig): Topology {
  const { value, findings } = fit(GatewayTopology, ownSettings(node)['gatewayTopology'] ?? {});
  const fits = isRecord(value) && findings.every(({ severity }) => severity !== 'error');
  return { ...defaultConfig.gatewayTopology, ...(fits ? (value as Topology) : {}) };
}
