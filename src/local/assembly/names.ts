// The names that pods look up, from the mesh's services: what the name server of the laptop answers.

import type { Mesh } from '../../mesh/mesh.ts';
import type { Service } from '../../mesh/service.ts';
import type { NamedHost } from '../../node/dns/name-table.ts';

interface Clients {
  /** Whether a proxy is in their way, which takes connections to automatic addresses where they belong. */
  readonly proxied: boolean;
}

/** Every host of the mesh with its addresses, for these clients. Reads the mesh's cells: a computed over it follows services and endpoints. */
export function namedHosts(mesh: Mesh, clients: Clients): NamedHost[] {
  return mesh.services
    .all()
    .map((service) => (service.registry === 'Kubernetes' ? clusterHost(mesh, service) : externalHost(mesh, service, clients)));
}

function clusterHost(mesh: Mesh, service: Service): NamedHost {
  const { host, name, namespace } = service;
  const shared = {
    host,
    kind: 'cluster' as const,
    namespace,
    shortName: name,
    ports: service.ports.map((port) => ({
      name: port.name,
      protocol: port.protocol === 'UDP' ? ('udp' as const) : ('tcp' as const),
      port: port.number,
    })),
  };
  if (service.resolution === 'alias') return { ...shared, addresses: [], alias: service.aliasOf ?? '' };
  if (service.resolution !== 'original') return { ...shared, addresses: service.addresses };
  const pods = endpointsOf(mesh, service).filter(({ healthy }) => healthy);
  return {
    ...shared,
    addresses: pods.map(({ address }) => address),
    headlessPods: pods.map(({ address, hostname }) => ({ address, ...(hostname !== undefined && { hostname }) })),
  };
}

/**
 * A ServiceEntry's host: at its addresses, else an address of its own, so that applications have something to dial and their proxy takes
 * it from there. Others get the addresses of its endpoints, or ask elsewhere. Pods have no IPv6.
 */
function externalHost(mesh: Mesh, service: Service, { proxied }: Clients): NamedHost {
  const { host, namespace } = service;
  const given = service.addresses.filter((address) => !address.includes('/'));
  const automatic = proxied ? mesh.automaticAddresses(service).filter((address) => !address.includes(':')) : [];
  const endpoints = service.resolution === 'endpoints' ? endpointsOf(mesh, service).map(({ address }) => address) : [];
  const [addresses = []] = [given, automatic, endpoints.filter((address) => /^[\d.]+$|:/.test(address))].filter(
    (list) => list.length > 0,
  );
  return { host, kind: 'external', namespace, addresses };
}

function endpointsOf(mesh: Mesh, service: Service) {
  const seen = new Set<string>();
  return service.ports
    .flatMap((port) => mesh.endpoints(service, port.number).value)
    .filter(({ address }) => (seen.has(address) ? false : seen.add(address)));
}
