// Which ports of a proxy are services of the mesh, and what they speak: nothing says it, it follows from the workload's labels
// and addresses (compile.md, "Which services are the proxy's own").

import type { ApiObject } from '../api/object.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { matchesLabels, type Labels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Protocol } from '../mesh/protocol.ts';
import type { Service, ServicePort } from '../mesh/service.ts';

/** A port where the workload listens, and the services that lead there, oldest first. */
export interface OwnPort {
  readonly target: number;
  readonly protocol: Protocol;
  readonly services: readonly { readonly service: Service; readonly port: ServicePort }[];
}

export interface Owner {
  readonly namespace: string;
  readonly labels: Labels;
  readonly addresses: readonly string[];
  /** Numbers of its ports by name; empty for a proxy whose Pod is not known. */
  readonly namedPorts: Readonly<Record<string, number>>;
}

/** The ports of a workload that services lead to, by number. Of several services at one port the oldest says what it speaks. */
export function ownPorts(mesh: Mesh, owner: Owner): OwnPort[] {
  const found = mesh.servicesIn(owner.namespace).flatMap((service) =>
    targetsOf(mesh, service, owner).map(({ port, target }) => ({ service, port, target })),
  );
  return [...Map.groupBy(found, ({ target }) => target)]
    .sort(([a], [b]) => a - b)
    .flatMap(([target, list]) => {
      const [first] = list;
      return first === undefined ? [] : [{ target, protocol: first.port.protocol, services: list }];
    });
}

function targetsOf(mesh: Mesh, service: Service, owner: Owner): { port: ServicePort; target: number }[] {
  const ports = service.ports.filter(({ protocol }) => protocol !== 'UDP');
  if (service.registry === 'Kubernetes') {
    if (service.selector === undefined || !matchesLabels(service.selector, owner.labels)) return [];
    return ports.flatMap((port) => {
      const target = typeof port.targetPort === 'number' ? port.targetPort : owner.namedPorts[port.targetPort];
      return target === undefined ? [] : [{ port, target }];
    });
  }
  return ports.flatMap((port) => entryTargets(mesh, service, port, owner).map((target) => ({ port, target })));
}

/** Where a ServiceEntry leads at one of the proxy's addresses. */
function entryTargets(mesh: Mesh, service: Service, port: ServicePort, owner: Owner): number[] {
  const { spec } = (service.object as ApiObject<ServiceEntry>).body;
  const selected = service.selector !== undefined && matchesLabels(service.selector, owner.labels);
  if (!selected && (spec.endpoints ?? []).length === 0) return [];
  const here = mesh.endpoints(service, port.number).value.filter(({ address }) => owner.addresses.includes(address));
  if (here.length > 0) return [...new Set(here.map((endpoint) => endpoint.port))];
  if (!selected) return [];
  return [typeof port.targetPort === 'number' ? port.targetPort : port.number];
}
