// Which HTTP version a cluster speaks to its servers: the port says it, and the caller's policy may say otherwise. Clusters and routes
// must agree on it: the protocol that is announced inside mutual TLS is the one that is spoken.

import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { isHttp, isHttp2 } from '../../mesh/protocol.ts';
import type { ServicePort } from '../../mesh/service.ts';

/** `client`: whatever the application spoke to its proxy. */
export type UpstreamCodec = 'http1' | 'http2' | 'client';

/** `router`: a gateway's callers speak HTTP/2 by themselves, which says nothing of a server whose port does not say it. */
export function upstreamCodec(
  { protocol }: ServicePort,
  { connectionPool }: TrafficPolicy,
  config: MeshConfig,
  router: boolean,
): UpstreamCodec {
  const { useClientProtocol, h2UpgradePolicy = 'DEFAULT' } = connectionPool?.http ?? {};
  if (useClientProtocol) return 'client';
  if (isHttp2(protocol) || h2UpgradePolicy === 'UPGRADE') return 'http2';
  if (h2UpgradePolicy === 'DEFAULT' && isHttp(protocol) && config.h2UpgradePolicy === 'UPGRADE') return 'http2';
  return protocol === 'Auto' && !router ? 'client' : 'http1';
}
