// The TCP proxy filter: bytes to one cluster, or to several by weight.

import { TcpProxySchema } from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { any } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { demandSource, demandTimeout } from '../demand/source.ts';
import { accessLogs } from './access-log.ts';
import { recordLoggers, type RecordSide } from './access-record.ts';

export interface TcpTarget {
  readonly cluster: string;
  readonly weight: number;
}

/** Bytes go to `host:port` through an HTTP proxy, which the cluster is. */
export interface TcpTunnel {
  readonly target: string;
  /** Asked for by POST in the place of CONNECT. */
  readonly post: boolean;
}

export interface TcpProxy {
  readonly statPrefix: string;
  readonly targets: readonly TcpTarget[];
  readonly config: MeshConfig;
  /** Where it stands, if its agent takes access records. */
  readonly records: RecordSide | undefined;
  /** Milliseconds without a byte after which a connection ends; undefined: Envoy's hour. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds after which a connection ends, whatever passes; undefined: never. */
  readonly maxDuration?: number | undefined;
  /** Spread by the caller's address. */
  readonly hashBySource?: boolean;
  readonly tunnel?: TcpTunnel | undefined;
  /** The clusters come when they are first called. */
  readonly onDemand?: boolean;
}

export function tcpProxy(proxy: TcpProxy): NamedFilter {
  const { statPrefix, targets, config, records, idleTimeout, maxDuration, hashBySource, tunnel, onDemand } = proxy;
  const [first, ...others] = targets;
  return {
    name: 'envoy.filters.network.tcp_proxy',
    config: any(TcpProxySchema, {
      statPrefix,
      clusterSpecifier:
        first !== undefined && others.length === 0
          ? { case: 'cluster', value: first.cluster }
          : {
              case: 'weightedClusters',
              value: {
                clusters: targets.filter(({ weight }) => weight > 0).map(({ cluster, weight }) => ({ name: cluster, weight })),
              },
            },
      accessLog: [...accessLogs(config), ...recordLoggers(records)],
      ...(idleTimeout !== undefined && { idleTimeout: duration(idleTimeout) }),
      ...(maxDuration !== undefined && { maxDownstreamConnectionDuration: duration(maxDuration) }),
      ...(tunnel && { tunnelingConfig: { hostname: tunnel.target, usePost: tunnel.post } }),
      ...(onDemand && { onDemand: { odcdsConfig: demandSource, timeout: demandTimeout } }),
      ...(hashBySource && { hashPolicy: [{ policySpecifier: { case: 'sourceIp', value: {} } }] }),
    }),
  };
}
