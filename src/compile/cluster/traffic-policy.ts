// A destination policy's settings → a cluster's fields: connection pool, outlier detection, load balancing.

import { Cluster_LbPolicy, type ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';

export type ClusterInit = Init<typeof ClusterSchema>;
export type HttpOptions = Init<typeof HttpProtocolOptionsSchema>;
type ConnectionPool = NonNullable<TrafficPolicy['connectionPool']>;

/** Envoy's own limits (1,024) would surprise: without a policy there is none. */
const unlimited = 4294967295;

export function connectionPoolFields(pool: ConnectionPool | undefined, defaultConnectTimeout: number, retryBudget: TrafficPolicy['retryBudget']): ClusterInit {
  const { tcp, http } = pool ?? {};
  const connectTimeout = tcp?.connectTimeout === undefined ? defaultConnectTimeout : milliseconds(tcp.connectTimeout);
  return {
    connectTimeout: duration(connectTimeout),
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
              minRetryConcurrency: retryBudget.minRetryConcurrency ?? 3,
            },
          }),
        },
      ],
    },
    ...(tcp?.tcpKeepalive && { upstreamConnectionOptions: { tcpKeepalive: keepalive(tcp.tcpKeepalive) } }),
  };
}

function keepalive(settings: NonNullable<NonNullable<ConnectionPool['tcp']>['tcpKeepalive']>) {
  return {
    ...(settings.probes && { keepaliveProbes: settings.probes }),
    ...(settings.time !== undefined && { keepaliveTime: Math.round(milliseconds(settings.time) / 1000) }),
    ...(settings.interval !== undefined && { keepaliveInterval: Math.round(milliseconds(settings.interval) / 1000) }),
  };
}

/** What of a connection pool belongs to every HTTP version. */
export function commonHttpOptions(pool: ConnectionPool | undefined): NonNullable<HttpOptions['commonHttpProtocolOptions']> | undefined {
  const { tcp, http } = pool ?? {};
  const options = {
    ...(http?.idleTimeout !== undefined && { idleTimeout: duration(milliseconds(http.idleTimeout)) }),
    ...(http?.maxRequestsPerConnection && { maxRequestsPerConnection: http.maxRequestsPerConnection }),
    ...(tcp?.maxConnectionDuration !== undefined && { maxConnectionDuration: duration(milliseconds(tcp.maxConnectionDuration)) }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

export function outlierDetection(settings: TrafficPolicy['outlierDetection']): ClusterInit {
  if (settings === undefined) return {};
  const gateway = settings.consecutiveGatewayErrors;
  const five = settings.consecutive5xxErrors ?? settings.consecutiveErrors;
  const local = settings.splitExternalLocalOriginErrors ? settings.consecutiveLocalOriginFailures : undefined;
  return {
    outlierDetection: {
      ...(five !== undefined && { consecutive5xx: five, enforcingConsecutive5xx: five > 0 ? 100 : 0 }),
      // Given without 5xx errors, gateway errors are what counts; Envoy would count neither by itself.
      ...(gateway !== undefined && { consecutiveGatewayFailure: gateway, enforcingConsecutiveGatewayFailure: gateway > 0 ? 100 : 0 }),
      ...(settings.interval !== undefined && { interval: duration(milliseconds(settings.interval)) }),
      ...(settings.baseEjectionTime !== undefined && { baseEjectionTime: duration(milliseconds(settings.baseEjectionTime)) }),
      ...(settings.maxEjectionPercent && { maxEjectionPercent: settings.maxEjectionPercent }),
      ...(settings.splitExternalLocalOriginErrors && {
        splitExternalLocalOriginErrors: true,
        ...(local !== undefined && { consecutiveLocalOriginFailure: local, enforcingConsecutiveLocalOriginFailure: local > 0 ? 100 : 0 }),
        enforcingLocalOriginSuccessRate: 0,
      }),
      enforcingSuccessRate: 0,
    },
    commonLbConfig: { healthyPanicThreshold: { value: settings.minHealthPercent ?? 0 } },
  };
}

/** Load balancing, less what endpoints carry (locality, weights). `original` clusters have no choice to make. */
export function loadBalancing(settings: TrafficPolicy['loadBalancer'], kind: 'listed' | 'dns-one' | 'original'): ClusterInit {
  if (kind === 'original') return { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED };
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
    const size = hash.ringHash?.minimumRingSize ?? hash.minimumRingSize ?? 1024;
    return {
      lbPolicy: Cluster_LbPolicy.RING_HASH,
      lbConfig: { case: 'ringHashLbConfig', value: { minimumRingSize: BigInt(size || 1024) } },
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
    ...(settings?.warmup?.aggression !== undefined && { aggression: { defaultValue: settings.warmup.aggression, runtimeKey: '' } }),
  };
}
