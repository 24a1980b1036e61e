// Connections on demand go to a cluster named by the address that was dialled: whose address it is, the mesh knows.

import type { Mesh } from '../../mesh/mesh.ts';
import { isSingleAddress } from '../../mesh/hostname.ts';
import { portNumbered } from '../../mesh/service.ts';
import { parseOutboundCluster } from '../../compile/names.ts';
import type { Exchange } from '../../telemetry/join.ts';

/** The service that has an address, and a port of this number. */
export const serviceAt = (mesh: Mesh, address: string, port: number) =>
  mesh.servicesWithAddress(address).find((service) => portNumbered(service, port) !== undefined);

/** The same, with the host of the service that was called by address. */
export function withHost(exchange: Exchange, mesh: Mesh): Exchange {
  const called = parseOutboundCluster(exchange.caller?.cluster ?? '');
  if (called === undefined || !isSingleAddress(called.host)) return exchange;
  const host = serviceAt(mesh, called.host, called.port)?.host;
  return host === undefined ? exchange : { ...exchange, host };
}
