// The names that pods look up, from the mesh's services: what the name server of the laptop answers.

import { createHash } from 'node:crypto';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service } from '../../mesh/service.ts';
import type { NamedHost } from '../../node/dns/name-table.ts';

/** Every host of the mesh with its addresses. Reads the mesh's cells: a computed over it follows services and endpoints. */
export function namedHosts(mesh: Mesh): NamedHost[] {
  return mesh.services
    .all()
    .map((service) => (service.registry === 'Kubernetes' ? clusterHost(mesh, service) : externalHost(mesh, service)));
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
 * A ServiceEntry's host: at its addresses, else its endpoints'; one that only DNS outside knows gets an address of its own, so
 * that applications have something to dial and their proxy takes it from there (Istio's automatic addresses).
 */
function externalHost(mesh: Mesh, service: Service): NamedHost {
  const { host, namespace } = service;
  const given = service.addresses.filter((address) => !address.includes('/'));
  const endpoints = service.resolution === 'endpoints' ? endpointsOf(mesh, service).map(({ address }) => address) : [];
  const found = given.length > 0 ? given : endpoints.filter((address) => /^[\d.]+$|:/.test(address));
  const needsOne = found.length === 0 && service.resolution !== 'original' && !host.startsWith('*');
  return { host, kind: 'external', namespace, addresses: needsOne ? [automaticAddress(host)] : found };
}

function endpointsOf(mesh: Mesh, service: Service) {
  const seen = new Set<string>();
  return service.ports
    .flatMap((port) => mesh.endpoints(service, port.number).value)
    .filter(({ address }) => (seen.has(address) ? false : seen.add(address)));
}

/** From 240.240.0.0/16, Istio's range, by the name's hash. */
function automaticAddress(host: string): string {
  const [high = 0, low = 0] = createHash('sha256').update(host).digest();
  return `240.240.${high}.${Math.max(1, Math.min(low, 254))}`;
}
