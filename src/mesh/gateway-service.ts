// A Kubernetes Service that takes connections from other networks in: by its label, or because MeshNetworks names it.

import type { ApiObject, Path } from '../api/object.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { Service as KubernetesService } from '../api/service.ts';
import { compareText } from '../lib/order.ts';
import { matchesLabels, networkLabel, type Labels } from './labels.ts';
import type { KubernetesNode } from './workload.ts';

export interface NetworkGateway {
  readonly network: string;
  /** The cluster whose Service it is; empty for one of MeshNetworks. */
  readonly cluster: string;
  /** An IP address, or a host name that only DNS knows. */
  readonly address: string;
  readonly port: number;
}

/** What a Service is a gateway to, before it is known where it is reached. */
export interface GatewayService {
  readonly object: ApiObject<KubernetesService>;
  /** Networks, each with the Service's port. */
  readonly entrances: readonly { readonly network: string; readonly port: number }[];
}

/** A gateway as it is reached, and what it was made from. */
export interface FoundGateways {
  readonly service: GatewayService;
  readonly gateways: readonly NetworkGateway[];
}

const usualPort = 15443;
const portLabel = 'networking.istio.io/gatewayPort';
const nodeSelector = 'traffic.istio.io/nodeSelector';

/** The hosts that MeshNetworks names as gateways of networks that take a cluster in, with what they lead to. */
export function registryGateways(networks: MeshNetworks, cluster: string): Map<string, GatewayService['entrances']> {
  const named = Object.entries(networks)
    .sort(([a], [b]) => compareText(a, b))
    .filter(([, { endpoints }]) => endpoints?.some(({ fromRegistry }) => fromRegistry === cluster))
    .flatMap(([network, { gateways }]) =>
      (gateways ?? []).flatMap(({ registryServiceName, port }) =>
        registryServiceName ? [{ host: registryServiceName, network, port: port ?? 0 }] : [],
      ),
    );
  return new Map(
    [...Map.groupBy(named, ({ host }) => host)].map(([host, list]) => [
      host,
      list.map(({ network, port }) => ({ network, port })),
    ]),
  );
}

/** The Service as a gateway; undefined for all that are none. Its own label counts over what MeshNetworks says of it. */
export function gatewayService(
  object: ApiObject<KubernetesService>,
  domain: string,
  named: ReadonlyMap<string, GatewayService['entrances']>,
): GatewayService | undefined {
  const { name, namespace, labels } = object.metadata;
  const network = labels[networkLabel];
  if (network) {
    const given = labels[portLabel];
    return { object, entrances: [{ network, port: given !== undefined && /^\d{1,5}$/.test(given) ? Number(given) : usualPort }] };
  }
  const entrances = named.get(`${name}.${namespace}.svc.${domain}`);
  return entrances && { object, entrances };
}

/** Where a gateway's Service is reached from outside: its load balancer, its external addresses, or its nodes. */
export function foundGateways(service: GatewayService, cluster: string, nodes: () => readonly KubernetesNode[]): FoundGateways {
  const { spec = {}, status } = service.object.body;
  const selector = service.object.metadata.annotations[nodeSelector];
  const onNodes = spec.type === 'NodePort' && selector !== undefined;
  const balancer = spec.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : [];
  const addresses = onNodes
    ? nodesSelected(selector, nodes())
    : [...balancer.map(({ ip, hostname }) => ip || hostname), ...(spec.externalIPs ?? [])];
  const portOf = (port: number): number => (onNodes && spec.ports?.find((each) => each.port === port)?.nodePort) || port;
  return {
    service,
    gateways: addresses
      .flatMap((address) => address || [])
      .flatMap((address) => service.entrances.map(({ network, port }) => ({ network, cluster, address, port: portOf(port) }))),
  };
}

/** The field of a Service's status that gave it a host name. */
export const hostNamePath = (service: GatewayService, name: string): Path => {
  const ingress = service.object.body.status?.loadBalancer?.ingress ?? [];
  return ['status', 'loadBalancer', 'ingress', ingress.findIndex(({ hostname }) => hostname === name), 'hostname'];
};

function nodesSelected(selector: string, nodes: readonly KubernetesNode[]): string[] {
  const wanted = labelsIn(selector);
  return nodes.flatMap(({ labels, externalAddress }) =>
    externalAddress !== undefined && matchesLabels(wanted, labels) ? [externalAddress] : [],
  );
}

/** The annotation's JSON; what is none selects all nodes, as in Istio. */
function labelsIn(text: string): Labels {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return {};
  }
}
