// Endpoints → a cluster's load assignment: grouped by locality, by priority where nearer ones come first.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Init } from '../filters/any.ts';
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.js';
import type { AddressSchema } from '../../gen/envoy/config/core/v3/address_pb.js';
import type { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpointSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import { isIpAddress } from '../lib/ip-range.ts';
import type { Endpoint } from '../mesh/endpoint.ts';
import type { Locality } from '../mesh/workload.ts';
import { localityWeights, priorities, weightOf, type Balance } from './locality.ts';
import type { AddressFamilies } from './node.ts';

export interface AssignmentContext {
  readonly settings: TrafficPolicy;
  /** How places count, and the caller's; undefined: they do not. */
  readonly balance: (Balance & { readonly caller: CallerLocality }) | undefined;
}

/** Where a caller is. */
export interface CallerPlace extends Locality {
  /** Only those that some policy orders endpoints by. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface CallerLocality extends CallerPlace {
  readonly clusterId: string;
  readonly network: string;
  /** The networks whose endpoints it wants at all; none: those of every network. */
  readonly networkView: readonly string[];
}

export const localityText = ({ region, zone, subZone }: Locality): string =>
  [region, zone, subZone].join('/').replace(/\/+$/, '');

/** Something that can be called: an endpoint, and the other addresses that it has besides. */
interface Host {
  readonly endpoint: Endpoint;
  readonly others: readonly string[];
}

/** Not-ready endpoints are sent only where a policy keeps a share of them in use (istio.md §3.8). */
export const isUsable = ({ healthy }: Endpoint, { outlierDetection }: TrafficPolicy): boolean =>
  healthy || (outlierDetection?.minHealthPercent ?? 0) > 0;

/** Whether an endpoint may stand in a list that is sent: Envoy refuses all of a list with a name in it, for it looks none up there. */
export const isListable = ({ address }: Pick<Endpoint, 'address'>): boolean =>
  address.startsWith('unix://') || isIpAddress(address);

/** Whether it may stand among names that Envoy looks up: a socket's path is none. */
export const isLookedUp = ({ address }: Pick<Endpoint, 'address'>): boolean => !address.startsWith('unix://');

/** Endpoints in the order of their localities; equal input gives equal bytes. */
export function loadAssignment(
  name: string,
  endpoints: readonly Endpoint[],
  { settings, balance }: AssignmentContext,
  others: ReadonlyMap<Endpoint, readonly string[]> = new Map(),
): Init<typeof ClusterLoadAssignmentSchema> {
  const usable = endpoints.filter((endpoint) => isUsable(endpoint, settings));
  const groups = Map.groupBy(usable, (endpoint) => localityText(endpoint.locality));
  const localities = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  const weights = balance && localityWeights(localities, balance.setting, balance.caller);
  const placed = balance?.ordered
    ? priorities(localities, balance, balance.caller)
    : localities.map(([text, list]) => ({ text, list, priority: 0 }));
  return {
    clusterName: name,
    endpoints: placed
      .map(({ text, list, priority }) => ({
        priority,
        locality: list[0] && {
          region: list[0].locality.region,
          zone: list[0].locality.zone,
          subZone: list[0].locality.subZone,
        },
        loadBalancingWeight: weights?.get(text) ?? weightOf(list),
        lbEndpoints: list.map((endpoint) => lbEndpoint({ endpoint, others: others.get(endpoint) ?? [] }, settings)),
      }))
      .filter(({ loadBalancingWeight }) => loadBalancingWeight > 0),
  };
}

/**
 * Of endpoints that are one workload under several addresses, one for callers of these IP versions: the first address that they
 * have, and the others besides it.
 */
export function reachable(
  endpoints: readonly Endpoint[],
  { v4, v6 }: AddressFamilies,
): { readonly endpoints: readonly Endpoint[]; readonly others: ReadonlyMap<Endpoint, readonly string[]> } {
  const others = new Map<Endpoint, readonly string[]>();
  if (!endpoints.some(({ address }) => address.includes(':'))) return { endpoints, others };
  const alone = endpoints.filter(({ owner }) => owner === '');
  const groups = [
    ...Map.groupBy(
      endpoints.filter(({ owner }) => owner !== ''),
      ({ owner, port }) => `${owner} ${port}`,
    ).values(),
  ];
  const found = groups.flatMap((list) => {
    const fit = list.filter(({ address }) => (address.includes(':') ? v6 : v4));
    const [first, ...rest] = fit.length > 0 ? fit : list;
    if (first === undefined) return [];
    others.set(
      first,
      rest.map(({ address }) => address),
    );
    return [first];
  });
  return { endpoints: [...found, ...alone], others };
}

function lbEndpoint({ endpoint, others }: Host, settings: TrafficPolicy): Init<typeof LbEndpointSchema> {
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: {
        address: addressOf(endpoint.address, endpoint.port),
        additionalAddresses: others.map((address) => ({ address: addressOf(address, endpoint.port) })),
      },
    },
    loadBalancingWeight: endpoint.weight,
    ...(endpoint.healthy ? {} : { healthStatus: HealthStatus.UNHEALTHY }),
    metadata: { filterMetadata: endpointMetadata(endpoint, settings) },
  };
}

function addressOf(address: string, port: number): Init<typeof AddressSchema> {
  if (address.startsWith('unix://')) return { address: { case: 'pipe', value: { path: address.slice('unix://'.length) } } };
  return { address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } } };
}

/** Whether callers speak mutual TLS to an endpoint: as a policy says, else as it can. */
export const takesMutualTls = ({ mutualTls }: Endpoint, { tls }: TrafficPolicy): boolean =>
  tls === undefined ? mutualTls : tls.mode === 'ISTIO_MUTUAL';

/**
 * What telemetry and transport selection read: `workload;namespace;canonical name;canonical revision;cluster`, the revision `latest`
 * left out as Istio does.
 */
function endpointMetadata(endpoint: Endpoint, settings: TrafficPolicy): Record<string, JsonObject> {
  const { labels, cluster } = endpoint;
  const canonical =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? endpoint.workload;
  const revision =
    labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? '';
  const words = [endpoint.workload, endpoint.namespace, canonical, revision === 'latest' ? '' : revision, cluster];
  return {
    ...(takesMutualTls(endpoint, settings) && { 'envoy.transport_socket_match': { tlsMode: 'istio' } }),
    istio: { workload: words.join(';') },
  };
}
