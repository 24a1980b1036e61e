// Who serves a service's port: EndpointSlices and Pods, ServiceEntry endpoints, selected WorkloadEntries, in one form.

import type { ApiObject } from '../api/object.ts';
import type { EndpointSlice } from '../api/endpoint-slice.ts';
import type { Endpoints } from '../api/endpoints.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { placeLabels, type Labels } from './labels.ts';
import type { Service, ServicePort } from './service.ts';
import { inlineWorkload, noLocality, type Locality, type Workload } from './workload.ts';

export interface Endpoint {
  /** An IP address, a host name (DNS services) or `unix://…`; empty where only its network's gateways know it. */
  readonly address: string;
  readonly port: number;
  /** With those of its place: region, zone, node, cluster, network. */
  readonly labels: Labels;
  readonly locality: Locality;
  /** Empty: reached from every network. */
  readonly network: string;
  /** The cluster that it is known from. */
  readonly cluster: string;
  readonly weight: number;
  /** Where it runs; empty for what is in no namespace. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** What runs there, for telemetry. */
  readonly workload: string;
  readonly mutualTls: boolean;
  readonly healthy: boolean;
  readonly hostname: string | undefined;
  /** `cluster/namespace/name` of what has the address, so that a pod's several addresses are known as one; empty where nobody says. */
  readonly owner: string;
  /** The Kubernetes node it is on. */
  readonly node: string;
}

/** What endpoints are made from; their cluster answers, so that readers depend on just what they asked. */
export interface EndpointInputs {
  readonly cluster: string;
  pod(namespace: string, name: string): Workload | undefined;
  /** The workload at an address, when a slice does not name its pod. */
  podAt(namespace: string, address: string): Workload | undefined;
  slices(service: Service): readonly ApiObject<EndpointSlice>[];
  endpoints(service: Service): ApiObject<Endpoints> | undefined;
  /** Pods, and WorkloadEntries, of the service's namespace that its selector matches. */
  selectedPods(service: Service): readonly Workload[];
  selectedEntries(service: Service): readonly Workload[];
  localityOf(workload: Workload): Locality;
  /** The network of an address of which nothing else says it. */
  networkAt(address: string): string;
  /** Whether its policy switches mutual TLS off at a port, whatever its proxy could. */
  refusesMutualTls(workload: Workload, port: number): boolean;
}

/** The endpoints of one port, in the order of their sources. Not-ready ones are there, marked unhealthy. */
export function endpointsOf(service: Service, port: ServicePort, from: EndpointInputs): Endpoint[] {
  if (service.registry === 'External') return externalEndpoints(service, port, from);
  return [...sliceEndpoints(service, port, from), ...entryEndpoints(service, port, from)];
}

function sliceEndpoints(service: Service, port: ServicePort, from: EndpointInputs): Endpoint[] {
  const slices = from.slices(service);
  const found: Endpoint[] = [];
  const seen = new Set<string>();
  const add = (address: string, number: number, pod: { namespace: string; name: string } | undefined, healthy: boolean) => {
    if (seen.has(`${address}|${number}`)) return;
    seen.add(`${address}|${number}`);
    const workload = (pod && from.pod(pod.namespace, pod.name)) ?? from.podAt(service.namespace, address);
    found.push(
      workload === undefined
        ? bareEndpoint(service, address, number, healthy, from)
        : workloadEndpoint(workload, address, number, healthy, from),
    );
  };
  for (const { body, metadata } of slices) {
    const number = body.ports?.find(({ name }) => (name ?? '') === port.name)?.port;
    if (number === undefined || body.addressType === 'FQDN') continue;
    for (const endpoint of body.endpoints ?? []) {
      const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
      // A terminating pod takes no new work, even while it still serves.
      if (terminating && !service.publishNotReady) continue;
      const target = endpoint.targetRef?.kind === 'Pod' ? endpoint.targetRef : undefined;
      for (const address of endpoint.addresses ?? []) {
        const pod =
          target?.name === undefined ? undefined : { namespace: target.namespace ?? metadata.namespace, name: target.name };
        add(address, number, pod, service.publishNotReady || (ready ?? serving ?? true));
      }
    }
  }
  if (slices.length > 0) return found;
  // Endpoints, the older kind, counts where nobody wrote slices.
  for (const subset of from.endpoints(service)?.body.subsets ?? []) {
    const number = subset.ports?.find(({ name }) => (name ?? '') === port.name)?.port;
    if (number === undefined) continue;
    for (const [list, healthy] of [
      [subset.addresses ?? [], true],
      [subset.notReadyAddresses ?? [], service.publishNotReady],
    ] as const) {
      for (const { ip, targetRef } of list) {
        const pod =
          targetRef?.kind === 'Pod' && targetRef.name !== undefined
            ? { namespace: service.namespace, name: targetRef.name }
            : undefined;
        add(ip, number, pod, healthy);
      }
    }
  }
  return found;
}

/** WorkloadEntries that a Kubernetes Service selects: at its target port, unless the entry maps the port's name. */
function entryEndpoints(service: Service, port: ServicePort, from: EndpointInputs): Endpoint[] {
  return from.selectedEntries(service).flatMap((workload) => {
    // A target port by name means one that the entry has.
    const number =
      typeof port.targetPort === 'string' ? workload.ports[port.targetPort] : (workload.ports[port.name] ?? port.targetPort);
    return number === undefined
      ? []
      : workload.addresses.map((address) => workloadEndpoint(workload, address, number, workload.ready, from));
  });
}

function externalEndpoints(service: Service, port: ServicePort, from: EndpointInputs): Endpoint[] {
  const { spec } = (service.object as ApiObject<ServiceEntry>).body;
  const at = (workload: Workload, healthy: boolean): Endpoint[] => {
    const number = workload.ports[port.name] ?? (typeof port.targetPort === 'number' ? port.targetPort : port.number);
    return workload.addresses.slice(0, 1).map((address) => workloadEndpoint(workload, address, number, healthy, from));
  };
  if (service.selector !== undefined) {
    return [...from.selectedPods(service), ...from.selectedEntries(service)].flatMap((workload) => at(workload, workload.ready));
  }
  const inline = spec.endpoints ?? [];
  if (inline.length === 0 && (service.resolution === 'dns' || service.resolution === 'dns-one')) {
    // Nothing given: the host's own name is asked.
    const number = typeof port.targetPort === 'number' ? port.targetPort : port.number;
    return [bareEndpoint(service, service.host, number, true, undefined)];
  }
  return inline.flatMap((entry, index) =>
    at(inlineWorkload(service.object, entry, { name: `${service.name}-${index}`, labels: entry.labels ?? {} }), true),
  );
}

function workloadEndpoint(workload: Workload, address: string, port: number, healthy: boolean, from: EndpointInputs): Endpoint {
  const locality = from.localityOf(workload);
  const network = workload.network ?? from.networkAt(address);
  const { node } = workload;
  return {
    address,
    port,
    labels: placeLabels(workload.labels, { locality, cluster: from.cluster, node, network }),
    locality,
    network,
    cluster: from.cluster,
    weight: workload.weight ?? 1,
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
    workload: workload.owner,
    mutualTls: workload.mutualTls && !from.refusesMutualTls(workload, port),
    healthy,
    hostname: workload.hostname,
    owner: `${from.cluster}/${workload.namespace}/${workload.name}`,
    node,
  };
}

/** An address of which nothing else is known than its cluster; not even that of a name that only DNS outside knows. */
const bareEndpoint = (
  service: Service,
  address: string,
  port: number,
  healthy: boolean,
  from: EndpointInputs | undefined,
): Endpoint => {
  const cluster = from?.cluster ?? '';
  const network = from?.networkAt(address) ?? '';
  return {
    address,
    port,
    labels: placeLabels({}, { locality: noLocality, cluster, node: '', network }),
    locality: noLocality,
    network,
    cluster,
    weight: 1,
    namespace: from === undefined ? '' : service.namespace,
    serviceAccount: '',
    workload: '',
    mutualTls: false,
    healthy,
    hostname: undefined,
    owner: '',
    node: '',
  };
};
