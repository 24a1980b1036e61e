// Which endpoints of a service a caller reaches, and how: those of its own cluster or node where only they serve, and gateways in
// the place of those on other networks (istio.md §3.8).

import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import type { Endpoint } from '../mesh/endpoint.ts';
import type { NetworkGateway } from '../mesh/gateway-service.ts';
import { nodeLabel, placeLabels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { byPlace } from '../mesh/network-gateways.ts';
import type { Service } from '../mesh/service.ts';
import { noLocality } from '../mesh/workload.ts';
import { isUsable, localityText, takesMutualTls, type CallerLocality } from './endpoint.ts';

/** What is called. */
export interface Called {
  readonly mesh: Mesh;
  readonly service: Service;
  readonly settings: TrafficPolicy;
  /** Whether endpoints can be names that DNS knows; else only addresses. */
  readonly names: boolean;
}

type Network = Pick<CallerLocality, 'clusterId' | 'network' | 'networkView'>;

/** What of a caller's cluster and network a service's endpoints depend on, as text. Empty for most: they are the same for all. */
export function reachText(
  { clusterId, network, networkView }: Network,
  { mesh, service, names }: Omit<Called, 'settings'>,
): string {
  const parts = [
    staysInCluster(mesh, service) ? clusterId : '',
    mesh.gatewaysBetween(names).any ? network : '',
    networkView.join(),
  ];
  return parts.some((part) => part !== '') ? parts.join('\n') : '';
}

const staysInCluster = (mesh: Mesh, { host, nodeLocal }: Service): boolean => nodeLocal || mesh.isClusterLocal(host);

/** Unknown networks are one with every other. */
const onOneNetwork = (a: string, b: string): boolean => a === '' || b === '' || a === b;

const maxWeight = 0xff_ff_ff_ff;

/** The endpoints that are for this caller, wherever they are, with the weights that gateways share. */
export function endpointsFor(caller: CallerLocality, endpoints: readonly Endpoint[], called: Called): readonly Endpoint[] {
  const { mesh, service, settings, names } = called;
  const { any, scale } = mesh.gatewaysBetween(names);
  const ownCluster = staysInCluster(mesh, service);
  const found = endpoints.filter(
    (endpoint) =>
      isUsable(endpoint, settings) &&
      (!ownCluster || endpoint.cluster === caller.clusterId) &&
      (!service.nodeLocal || endpoint.node === caller.labels[nodeLabel]) &&
      (caller.networkView.length === 0 || endpoint.network === '' || caller.networkView.includes(endpoint.network)) &&
      // What has no address of its own is reached through a gateway or not at all.
      (endpoint.address !== '' || (any && !onOneNetwork(endpoint.network, caller.network))),
  );
  return scale === 1 ? found : found.map((endpoint) => ({ ...endpoint, weight: Math.min(endpoint.weight * scale, maxWeight) }));
}

/**
 * Endpoints on other networks replaced, in their locality, by the gateways that lead to them, each with its share of their weights.
 * Gateways tell services apart by the server name of mutual TLS: what does not take that cannot be reached. A network without a
 * gateway counts as one that is reached directly.
 */
export function acrossNetworks(caller: CallerLocality, endpoints: readonly Endpoint[], called: Called): readonly Endpoint[] {
  const gateways = called.mesh.gatewaysBetween(called.names);
  if (!gateways.any) return endpoints;
  const ways = ({ network, cluster }: Endpoint): readonly NetworkGateway[] =>
    onOneNetwork(network, caller.network) ? [] : gateways.to(network, cluster);
  return [...Map.groupBy(endpoints, ({ locality }) => localityText(locality)).values()].flatMap((list) => {
    const weights = new Map<NetworkGateway, number>();
    for (const endpoint of list) {
      const to = takesMutualTls(endpoint, called.settings) ? ways(endpoint) : [];
      for (const gateway of to) weights.set(gateway, (weights.get(gateway) ?? 0) + Math.floor(endpoint.weight / to.length));
    }
    const locality = list[0]?.locality ?? noLocality;
    return [
      ...list.filter((endpoint) => endpoint.address !== '' && ways(endpoint).length === 0),
      ...[...weights].sort(([a], [b]) => byPlace(a, b)).map(([gateway, weight]) => gatewayEndpoint(gateway, weight, locality)),
    ];
  });
}

/** A gateway as one of the endpoints that it leads to: in their place, and of no workload. */
const gatewayEndpoint = (
  { address, port, network, cluster }: NetworkGateway,
  weight: number,
  locality: Endpoint['locality'],
): Endpoint => ({
  address,
  port,
  labels: placeLabels({}, { locality: noLocality, cluster, node: '', network }),
  locality,
  network,
  cluster,
  weight: Math.min(Math.max(weight, 1), maxWeight),
  namespace: '',
  serviceAccount: '',
  workload: '',
  mutualTls: true,
  healthy: true,
  hostname: undefined,
  owner: '',
  node: '',
});
