// The routes behind a sidecar: everything that arrives for a port goes to the application.

import type { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { RetryPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Init } from '../../filters/any.ts';
import type { OwnPort } from '../own-ports.ts';
import { isGrpc } from '../../mesh/protocol.ts';
import { hostOrigin } from './virtual-host.ts';
import { timeouts } from './action.ts';
import { anyRequest } from './match.ts';
import { retryPolicyOf } from './retries.ts';

export function inboundRoutes(
  cluster: string,
  own: OwnPort | undefined,
  config: MeshConfig,
): Init<typeof RouteConfigurationSchema> {
  const [first] = own?.services ?? [];
  const port = own?.ingress === undefined ? (first?.port.number ?? 0) : own.target;
  const host = own?.ingress?.host ?? first?.service.host ?? '';
  const retryPolicy = inboundRetries(own, config);
  return {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: `inbound|http|${port}`,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: anyRequest,
            action: {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'cluster', value: cluster },
                ...timeouts(undefined),
                ...(retryPolicy && { retryPolicy }),
              },
            },
            decorator: { operation: `${host}:${port}/*` },
          },
        ],
        ...(first && { metadata: hostOrigin(first.service.object) }),
      },
    ],
  };
}

/** A request that the application cannot have seen is tried again; gRPC callers do that themselves. */
function inboundRetries(own: OwnPort | undefined, config: MeshConfig): Init<typeof RetryPolicySchema> | undefined {
  if (config.defaultInboundHttpRetryPolicy !== undefined)
    return retryPolicyOf(undefined, config.defaultInboundHttpRetryPolicy, false);
  if (own !== undefined && isGrpc(own.protocol)) return undefined;
  return { numRetries: 2, retryOn: 'reset-before-request' };
}
