// Whether requests were answered before an object's rules came: only then has a new rule that leads nowhere something to wait for.

import { destinationService } from '../compile/view.ts';
import { hostsOverlap, isWildcard } from '../mesh/hostname.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { WrittenRoute } from '../mesh/route.ts';

type Rules = Pick<WrittenRoute, 'namespace' | 'hosts' | 'gateways'>;

/**
 * To be asked before the rules and what comes with them; the answer is for the mesh with all of it. In the mesh a service answers
 * that was there, and a host that is still no service may be one outside; at a gateway, what other rules say of the same host.
 */
export function servedBefore(before: Mesh, { namespace, hosts, gateways }: Rules): (now: Mesh) => boolean {
  const bound = gateways.filter((gateway) => gateway !== 'mesh');
  const sharesHost = (other: readonly string[]) => other.some((host) => hosts.some((own) => hostsOverlap(host, own)));
  const ruled =
    bound.length > 0 &&
    before.routes.all().some((other) => other.gateways.some((gateway) => bound.includes(gateway)) && sharesHost(other.hosts));
  const inMesh = gateways.includes('mesh') ? hosts : [];
  const services = new Set(inMesh.filter((host) => isService(before, namespace, host)));
  return (now) => ruled || inMesh.some((host) => isWildcard(host) || services.has(host) || !isService(now, namespace, host));
}

const isService = (mesh: Mesh, namespace: string, host: string): boolean => {
  const caller = { mesh, namespace: mesh.outlook(namespace), scope: undefined, egress: undefined };
  return destinationService(caller, host) !== undefined;
};
