// Whether a patch is for a thing: its context, and what its match says of listeners, tables and clusters (istio.md §2.6).

import type { FilterChain } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Route } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { parseOutboundCluster } from '../names.ts';
import type { Context, Patch } from './patch.ts';

export const isForContext = ({ match: { context = 'ANY' } }: Patch, asked: Context): boolean =>
  context === 'ANY' || context === asked;

const virtual = ['virtualInbound', 'virtualOutbound'];

export function matchesListener({ applyTo, match }: Patch, { name, address }: Listener): boolean {
  const { name: wanted, portNumber } = match.listener ?? {};
  if (wanted && wanted !== name) return false;
  if (!portNumber) return true;
  // Behind the two listeners of captured traffic ports are told apart by chain.
  if (applyTo !== 'LISTENER' && virtual.includes(name)) return true;
  const socket = address?.address.case === 'socketAddress' ? address.address.value : undefined;
  return socket?.portSpecifier.case === 'portValue' && socket.portSpecifier.value === portNumber;
}

/** Of a chain of a listener that matches. */
export function matchesChain({ match }: Patch, { name: listener }: Listener, { name, filterChainMatch }: FilterChain): boolean {
  const { portNumber, filterChain } = match.listener ?? {};
  const port = filterChainMatch?.destinationPort;
  if (virtual.includes(listener) && portNumber && port !== portNumber) return false;
  if (filterChain === undefined) return true;
  const { sni, transportProtocol, applicationProtocols, destinationPort } = filterChain;
  const protocols = (applicationProtocols ?? '').split(',').map((word) => word.trim());
  return (
    (!filterChain.name || filterChain.name === name) &&
    (!sni || (filterChainMatch?.serverNames ?? []).includes(sni)) &&
    (!transportProtocol || filterChainMatch?.transportProtocol === transportProtocol) &&
    (!destinationPort || port === destinationPort) &&
    protocols.every((word) => word === '' || (filterChainMatch?.applicationProtocols ?? []).includes(word))
  );
}

/** Names that filters had, and that patches still use. */
const formerNames: Readonly<Record<string, string>> = {
  'envoy.http_connection_manager': 'envoy.filters.network.http_connection_manager',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
  'envoy.mongo_proxy': 'envoy.filters.network.mongo_proxy',
  'envoy.redis_proxy': 'envoy.filters.network.redis_proxy',
};

/** The network filter that a patch is for; undefined: all of them. */
export function networkFilterName({ match }: Patch): string | undefined {
  const filter = match.listener?.filterChain?.filter;
  return filter && (formerNames[filter.name ?? ''] ?? filter.name ?? '');
}

/** The HTTP filter that a patch is for; undefined: all of them. */
export const httpFilterName = ({ match }: Patch): string | undefined => {
  const filter = match.listener?.filterChain?.filter?.subFilter;
  return filter && (filter.name ?? '');
};

export const listenerFilterName = ({ match }: Patch): string | undefined => match.listener?.listenerFilter || undefined;

/** The ports that servers have in Gateways, by the port where the proxy listens. */
export type ServerPorts = (listening: number) => readonly number[];

export function matchesTable({ match }: Patch, context: Context, name: string, serverPorts: ServerPorts): boolean {
  const { portNumber, portName, gateway, name: wanted } = match.routeConfiguration ?? {};
  if (wanted && wanted !== name) return false;
  if (context !== 'GATEWAY') return !portNumber || portNumber === sidecarPort(name);
  const table = parseGatewayTable(name);
  return (
    (!portNumber || portNumber === table.port || serverPorts(table.port).includes(portNumber)) &&
    (!portName || portName === table.portName) &&
    (!gateway || gateway === table.gateway)
  );
}

/** `9080` and `inbound|9080||`; the table of one detected service has a name and no port, as in Istio. */
const sidecarPort = (name: string): number => Number(name.startsWith('inbound|') ? name.split('|')[1] : name);

/** `http.8080[.BIND]`, or `https.443.PORTNAME.GATEWAY.NAMESPACE[.BIND]`. */
function parseGatewayTable(name: string): { port: number; portName: string; gateway: string } {
  const [scheme, port, portName = '', gateway = '', namespace = ''] = name.split('.');
  return scheme === 'https'
    ? { port: Number(port), portName, gateway: `${namespace}/${gateway}` }
    : { port: Number(port), portName: '', gateway: '' };
}

/** What a virtual host is known by. */
export interface HostName {
  readonly name: string;
  readonly domains: readonly string[];
}

export function matchesHost({ match }: Patch, { name, domains }: HostName): boolean {
  const { name: wanted, domainName } = match.routeConfiguration?.vhost ?? {};
  return (!wanted || wanted === name) && (!domainName || domains.includes(domainName));
}

const actions = { ROUTE: 'route', REDIRECT: 'redirect', DIRECT_RESPONSE: 'directResponse' } as const;

export function matchesRoute({ match }: Patch, { name, action }: Route): boolean {
  const { name: wanted, action: kind = 'ANY' } = match.routeConfiguration?.vhost?.route ?? {};
  return (!wanted || wanted === name) && (kind === 'ANY' || action.case === actions[kind]);
}

/** Whether a patch is for one route only, and not for a whole virtual host. */
export const namesRoute = ({ match }: Patch): boolean => match.routeConfiguration?.vhost?.route !== undefined;

/** `hosts` are the services behind an inbound cluster, whose name does not say them. */
export function matchesCluster({ match }: Patch, name: string, hosts: () => readonly string[]): boolean {
  const { portNumber, service, subset, name: wanted } = match.cluster ?? {};
  if (wanted) return wanted === name;
  if (!portNumber && !service && !subset) return true;
  const inbound = name.startsWith('inbound|');
  const parts = inbound ? { port: Number(name.split('|')[1]), subset: '', host: '' } : parseOutboundCluster(name);
  return (
    (!subset || parts?.subset === subset) &&
    (!portNumber || parts?.port === portNumber) &&
    (!service || (inbound ? hosts().includes(service) : parts?.host === service))
  );
}
