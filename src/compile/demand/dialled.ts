// Filter chains for ports where the dialled address alone says which service is meant: they name its cluster by that address, so
// that one chain serves every service of a range, and those that come later.

import { HeaderMutationSchema } from '../../../gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { HeaderValueOption_HeaderAppendAction } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ConfigSchema } from '../../../gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import type { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { any, type Init } from '../../filters/any.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { httpFilters } from '../../filters/index.ts';
import { cidrRange, filterChain, plainHttp, plainHttpWith10, type FilterChain } from '../listener/chain.ts';
import { httpConnectionManager } from '../listener/http-connection-manager.ts';
import { countsAttempts, isQuiet } from '../proxy-headers.ts';
import { tcpProxy } from '../listener/tcp-proxy.ts';
import { blackHoleCluster } from '../names.ts';
import { destinationFilters, timeouts } from '../route/action.ts';
import { anyRequest } from '../route/match.ts';
import { retryPolicyOf } from '../route/retries.ts';
import type { DialledPort } from './plain.ts';
import { demandClusters } from './source.ts';

/** `outbound|5432||10.96.0.7`: what calledCluster finds by address. After redirection the local address is the dialled one. */
const dialledCluster = 'outbound|%DOWNSTREAM_LOCAL_PORT%||%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%';

interface Place {
  /** The listener's name. */
  readonly name: string;
  readonly port: number;
  readonly config: MeshConfig;
  readonly http10: boolean;
  readonly records: boolean;
}

/** A chain for each range, so that a new one leaves connections of the others alone; two where HTTP is looked for. */
export function dialledChains({ kind, ranges }: Pick<DialledPort, 'kind' | 'ranges'>, place: Place): FilterChain[] {
  const { port, config } = place;
  const bytes = [
    toDialled,
    tcpProxy({
      statPrefix: `outbound|${port}||dialled`,
      targets: [{ cluster: blackHoleCluster, weight: 100 }],
      config,
      records: place.records ? 'outbound' : undefined,
      onDemand: true,
    }),
  ];
  const http = kind === 'detected' ? [dialledHttp(place)] : undefined;
  return ranges.flatMap((range) => {
    const prefix = cidrRange(range);
    if (prefix === undefined) return [];
    const inRange = { prefixRanges: [prefix] };
    return [
      ...(http === undefined
        ? []
        : [filterChain({ match: { ...inRange, ...(place.http10 ? plainHttpWith10 : plainHttp) }, filters: http })]),
      filterChain({ match: inRange, filters: bytes }),
    ];
  });
}

/** The filter state that takes the place of the TCP proxy's own cluster. */
export const connectionCluster = 'envoy.tcp_proxy.cluster';

const toDialled: NamedFilter = {
  name: 'envoy.filters.network.set_filter_state',
  config: any(ConfigSchema, {
    onNewConnection: [
      {
        key: { case: 'objectKey', value: connectionCluster },
        value: {
          case: 'formatString',
          value: { format: { case: 'textFormatSource', value: { specifier: { case: 'inlineString', value: dialledCluster } } } },
        },
      },
    ],
  }),
};

/** Carries the cluster's name from before routing to the route; a caller's own is overwritten, and it goes no further. */
export const clusterHeader = 'x-lateen-cluster';

const nameCluster = {
  name: 'envoy.http.early_header_mutation.header_mutation',
  typedConfig: any(HeaderMutationSchema, {
    mutations: [
      {
        action: {
          case: 'append',
          value: {
            header: { key: clusterHeader, value: dialledCluster },
            appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
          },
        },
      },
    ],
  }),
};

/** What a detected service's own table says, for whichever service is dialled. */
function dialledRoutes({ port, config }: Place): Init<typeof RouteConfigurationSchema> {
  const retryPolicy = retryPolicyOf(undefined, config.defaultHttpRetryPolicy, false);
  return {
    name: `dialled:${port}`,
    requestHeadersToRemove: [clusterHeader],
    virtualHosts: [
      {
        name: `dialled:${port}`,
        domains: ['*'],
        includeRequestAttemptCount: countsAttempts(config),
        routes: [
          {
            name: 'default',
            match: anyRequest,
            action: {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'clusterHeader', value: clusterHeader },
                ...timeouts(undefined),
                ...(retryPolicy && { retryPolicy }),
              },
            },
            typedPerFilterConfig: destinationFilters({ announcement: 'client' }),
          },
        ],
      },
    ],
  };
}

const dialledHttp = (place: Place): NamedFilter =>
  httpConnectionManager({
    role: 'outbound',
    statPrefix: `outbound_${place.name};`,
    routes: { inline: dialledRoutes(place) },
    filters: httpFilters({
      role: 'outbound',
      protocol: 'Auto',
      authorization: [],
      onDemand: demandClusters,
      quiet: isQuiet(place.config),
    }),
    config: place.config,
    records: place.records,
    http10: place.http10,
    early: [nameCluster],
  });
