// A destination policy's settings → a cluster's fields: connection pool, outlier detection, load balancing.

import { Cluster_LbPolicy, type ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { MatchPredicateSchema } from '../../../gen/envoy/config/common/matcher/v3/matcher_pb.js';
import type { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';

export type ClusterInit = Init<typeof ClusterSchema>;
export type HttpOptions = Init<typeof HttpProtocolOptionsSchema>;
type ConnectionPool = NonNullable<TrafficPolicy['connectionPool']>;

/** Envoy's own limits (1,024) would surprise: without a policy there is none. */
const unlimited = 4294967295;

/** What a mesh says of every cluster's connections. */
export type PoolDefaults = Pick<MeshConfig, 'connectTimeout' | 'tcpKeepalive'>;

export function connectionPoolFields(
  pool: ConnectionPool | undefined,
  defaults: PoolDefaults,
  retryBudget: TrafficPolicy['retryBudget'],
): ClusterInit {
  const { tcp, http } = pool ?? {};
  // Each part of the mesh's keepalive holds until the policy gives that part.
  const tcpKeepalive = keepalive({ ...defaults.tcpKeepalive, ...tcp?.tcpKeepalive });
  return {
    connectTimeout: duration(milliseconds(tcp?.connectTimeout ?? defaults.connectTimeout)),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: tcp?.maxConnections || unlimited,
          maxPendingRequests: http?.http1MaxPendingRequests || unlimited,
          maxRequests: http?.http2MaxRequests || unlimited,
          maxRetries: http?.maxRetries || unlimited,
          ...(retryBudget && {
            retryBudget: {
              budgetPercent: { value: retryBudget.percent ?? 20 },
              minRetryConcurrency: retryBudget.minRetryConcurrency || 3,
              ...(retryBudget.budgetInterval !== undefined && {
                budgetInterval: duration(milliseconds(retryBudget.budgetInterval)),
              }),
            },
          }),
        },
      ],
    },
    ...((defaults.tcpKeepalive ?? tcp?.tcpKeepalive) && { upstreamConnectionOptions: { tcpKeepalive } }),
  };
}

function keepalive(settings: NonNullable<NonNullable<ConnectionPool['tcp']>['tcpKeepalive']>) {
  return {
    ...(settings.probes && { keepaliveProbes: settings.probes }),
    ...(settings.time !== undefined && { keepaliveTime: Math.trunc(milliseconds(settings.time) / 1000) }),
    ...(settings.interval !== undefined && { keepaliveInterval: Math.trunc(milliseconds(settings.interval) / 1000) }),
  };
}

/** What of a connection pool belongs to every HTTP version. */
export function commonHttpOptions(
  pool: ConnectionPool | undefined,
): NonNullable<HttpOptions['commonHttpProtocolOptions']> | undefined {
  const { tcp, http } = pool ?? {};
  const idle = http?.idleTimeout ?? tcp?.idleTimeout;
  const options = {
    ...(idle !== undefined && { idleTimeout: duration(milliseconds(idle)) }),
    ...(http?.maxRequestsPerConnection && { maxRequestsPerConnection: http.maxRequestsPerConnection }),
    ...(tcp?.maxConnectionDuration !== undefined && { maxConnectionDuration: duration(milliseconds(tcp.maxConnectionDuration)) }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

export function outlierDetection(settings: TrafficPolicy['outlierDetection']): ClusterInit {
  if (settings === undefined) return {};
  const gateway = settings.consecutiveGatewayErrors;
  const five = settings.consecutive5xxErrors;
  const local = settings.splitExternalLocalOriginErrors ? settings.consecutiveLocalOriginFailures : undefined;
  return {
    outlierDetection: {
      ...(five !== undefined && { consecutive5xx: five, enforcingConsecutive5xx: five > 0 ? 100 : 0 }),
      // Envoy counts gateway errors by default, and acts on them only when told to.
      ...(gateway !== undefined && {
        consecutiveGatewayFailure: gateway,
        enforcingConsecutiveGatewayFailure: gateway > 0 ? 100 : 0,
      }),
      ...(settings.interval !== undefined && { interval: duration(milliseconds(settings.interval)) }),
      ...(settings.baseEjectionTime !== undefined && { baseEjectionTime: duration(milliseconds(settings.baseEjectionTime)) }),
      ...(settings.maxEjectionPercent && { maxEjectionPercent: settings.maxEjectionPercent }),
      ...(settings.splitExternalLocalOriginErrors && {
        splitExternalLocalOriginErrors: true,
        ...(local && { consecutiveLocalOriginFailure: local, enforcingConsecutiveLocalOriginFailure: 100 }),
        enforcingLocalOriginSuccessRate: 0,
      }),
      enforcingSuccessRate: 0,
    },
  };
}

/** Responses that count as failures of their server, whatever Envoy takes for one by itself; undefined: as Envoy does. */
export function failureMatcher(settings: TrafficPolicy['outlierDetection']): HttpOptions['outlierDetection'] {
  const rules = (settings?.outlierDetectionHttpErrorCodes ?? []).map(statusMatch);
  const [only, ...others] = rules;
  if (only === undefined) return undefined;
  return { errorMatcher: others.length === 0 ? only : { rule: { case: 'orMatch', value: { rules } } } };
}

/** `503`, or `500-599` with both ends. */
function statusMatch(text: string): Init<typeof MatchPredicateSchema> {
  const [first, last = first] = text.split('-').map(Number);
  return {
    rule: {
      case: 'httpResponseHeadersMatch',
      value: {
        headers: [
          {
            name: ':status',
            headerMatchSpecifier: {
              case: 'rangeMatch',
              value: { start: BigInt(first ?? 0), end: BigInt((last ?? 0) + 1) },
            },
          },
        ],
      },
    },
  };
}

/** Load balancing, less what endpoints carry (locality, weights). A cluster of dialled addresses has no choice to make. */
export function loadBalancing(settings: TrafficPolicy['loadBalancer'], original: boolean): ClusterInit {
  if (original) return { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED };
  const slowStart = slowStartConfig(settings);
  const hash = settings?.consistentHash;
  if (hash !== undefined) {
    if (hash.maglev !== undefined) {
      return {
        lbPolicy: Cluster_LbPolicy.MAGLEV,
        ...(hash.maglev.tableSize && {
          lbConfig: { case: 'maglevLbConfig', value: { tableSize: BigInt(hash.maglev.tableSize) } },
        }),
      };
    }
    const size = hash.ringHash?.minimumRingSize || hash.minimumRingSize || 1024;
    return {
      lbPolicy: Cluster_LbPolicy.RING_HASH,
      lbConfig: { case: 'ringHashLbConfig', value: { minimumRingSize: BigInt(size) } },
    };
  }
  switch (settings?.simple) {
    case 'ROUND_ROBIN':
      return {
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
        ...(slowStart && { lbConfig: { case: 'roundRobinLbConfig', value: { slowStartConfig: slowStart } } }),
      };
    case 'RANDOM':
      return { lbPolicy: Cluster_LbPolicy.RANDOM };
    default:
      return {
        lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
        ...(slowStart && { lbConfig: { case: 'leastRequestLbConfig', value: { slowStartConfig: slowStart } } }),
      };
  }
}

function slowStartConfig(settings: TrafficPolicy['loadBalancer']) {
  const window = settings?.warmup?.duration ?? settings?.warmupDurationSecs;
  if (window === undefined) return undefined;
  return {
    slowStartWindow: duration(milliseconds(window)),
    ...(settings?.warmup?.minimumPercent !== undefined && { minWeightPercent: { value: settings.warmup.minimumPercent } }),
    ...(settings?.warmup?.aggression !== undefined && {
      aggression: { defaultValue: settings.warmup.aggression, runtimeKey: 'lateen.slow_start_aggression' },
    }),
  };
}
