// Which ports of a proxy are services of the mesh, and what they speak: nothing says it, it follows from the workload's labels
// and addresses (compile.md, "Which services are the proxy's own").

import type { ApiObject } from '../api/object.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import type { Ingress } from './ingress.ts';
import { matchesLabels, type Labels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Protocol } from '../mesh/protocol.ts';
import { byServiceAge, serviceIn, type Service, type ServicePort } from '../mesh/service.ts';

/** A service's port, and the number at which a workload serves it. */
export interface OwnTarget {
  readonly service: Service;
  readonly port: ServicePort;
  readonly target: number;
}

/** A port where the workload listens, and the services that lead there, oldest first. */
export interface OwnPort {
  readonly target: number;
  readonly protocol: Protocol;
  readonly services: readonly { readonly service: Service; readonly port: ServicePort }[];
  /** Where a Sidecar says how the port is served. */
  readonly ingress?: Ingress;
}

export interface Owner {
  /** Where the proxy's configuration is: its ServiceEntries count. */
  readonly namespace: string;
  /** Where its Pod or WorkloadEntry is: the Services there may select it. */
  readonly home: string;
  /** Its cluster: that cluster's Services lead to it, as that cluster has them. */
  readonly clusterId: string;
  readonly labels: Labels;
  /** Its addresses, as far as some endpoint is written with one of them. */
  readonly addresses: readonly string[];
  /** What the mesh knows it by: `Pod`, `WorkloadEntry`, or nothing but its own word. */
  readonly known: 'Pod' | 'WorkloadEntry' | undefined;
  /** A workload that has no address yet: what selects it counts without one. */
  readonly unplaced: boolean;
  /** Numbers of its ports by name. */
  readonly namedPorts: Readonly<Record<string, number>>;
}

/** Everything that leads to a workload, oldest service first; a service's ports in their order. Datagrams have ports of their own. */
export function ownTargets(mesh: Mesh, owner: Owner, over: 'tcp' | 'udp' = 'tcp'): OwnTarget[] {
  const selecting = clusterServices(mesh, owner).filter(
    ({ selector }) => selector !== undefined && matchesLabels(selector, owner.labels),
  );
  const chosen = selecting.length > 0 || owner.known !== 'Pod' ? selecting : listing(mesh, owner);
  const external = mesh.servicesIn(owner.namespace).filter(({ registry }) => registry === 'External');
  return [...chosen, ...external].toSorted(byServiceAge).flatMap((service) => targetsOf(mesh, service, owner, over));
}

/** The ports of a workload that services lead to, by number. Of several services at one port the oldest says what it speaks. */
export function ownPorts(mesh: Mesh, owner: Owner): OwnPort[] {
  return [...Map.groupBy(ownTargets(mesh, owner), ({ target }) => target)]
    .sort(([a], [b]) => a - b)
    .flatMap(([target, list]) => {
      const [first] = list;
      return first === undefined
        ? []
        : [{ target, protocol: first.port.protocol, services: list.map(({ service, port }) => ({ service, port })) }];
    });
}

/** Services without a selector whose endpoints somebody wrote by hand, this workload among them. */
const listing = (mesh: Mesh, owner: Owner): Service[] =>
  owner.addresses.length === 0 ? [] : clusterServices(mesh, owner).filter(({ selector }) => selector === undefined);

/** The Kubernetes Services beside a workload, as its cluster has them. */
const clusterServices = (mesh: Mesh, { home, clusterId }: Owner): Service[] =>
  mesh
    .servicesIn(home)
    .filter(({ registry }) => registry === 'Kubernetes')
    .flatMap((service) => serviceIn(service, clusterId) ?? []);

function targetsOf(mesh: Mesh, service: Service, owner: Owner, over: 'tcp' | 'udp'): OwnTarget[] {
  const ports = service.ports.filter(({ protocol }) => (protocol === 'UDP') === (over === 'udp'));
  const numbers = (port: ServicePort): number[] => {
    if (service.registry === 'External') return entryTargets(mesh, service, port, owner);
    if (service.selector === undefined) return endpointTargets(mesh, service, port, owner);
    const target = selectedTarget(port, owner);
    return target === undefined ? [] : [target];
  };
  return ports.flatMap((port) => numbers(port).map((target) => ({ service, port, target })));
}

function selectedTarget(port: ServicePort, { known, namedPorts }: Owner): number | undefined {
  if (typeof port.targetPort === 'string') return namedPorts[port.targetPort];
  // A WorkloadEntry's `ports` are by the service's port names; a Pod's container ports have names of their own.
  return (known === 'WorkloadEntry' ? namedPorts[port.name] : undefined) ?? port.targetPort;
}

/** The numbers at which a service's endpoints are at one of the proxy's addresses. */
function endpointTargets(mesh: Mesh, service: Service, port: ServicePort, { addresses, clusterId }: Owner): number[] {
  const here = mesh
    .endpoints(service, port.number)
    .value.filter(
      ({ address, cluster }) => addresses.includes(address) && (cluster === clusterId || service.registry === 'External'),
    );
  return [...new Set(here.map((endpoint) => endpoint.port))];
}

/** Where a ServiceEntry leads at one of the proxy's addresses. */
function entryTargets(mesh: Mesh, service: Service, port: ServicePort, owner: Owner): number[] {
  const { spec } = (service.object as ApiObject<ServiceEntry>).body;
  if (service.selector === undefined)
    return (spec.endpoints ?? []).length === 0 ? [] : endpointTargets(mesh, service, port, owner);
  if (!owner.unplaced) return endpointTargets(mesh, service, port, owner);
  if (!matchesLabels(service.selector, owner.labels)) return [];
  return [owner.namedPorts[port.name] ?? (typeof port.targetPort === 'number' ? port.targetPort : port.number)];
}
