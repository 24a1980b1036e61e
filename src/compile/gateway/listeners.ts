// The listeners of gateways: one per address and port, with a chain per server: HTTP, TLS that ends here, TLS handed on, TCP.

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { httpFilters } from '../../filters/index.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { coversHost } from '../../mesh/hostname.ts';
import { isHttp } from '../../mesh/protocol.ts';
import { resource } from '../encode.ts';
import { filterChain, socketAddress, tlsInspector, type FilterChain } from '../listener/chain.ts';
import { httpConnectionManager } from '../listener/http-connection-manager.ts';
import { toDestinations } from '../listener/outbound-rules.ts';
import { tcpProxy } from '../listener/tcp-proxy.ts';
import { listenerName } from '../names.ts';
import { cause } from '../origin.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { isFor } from '../route/http-rules.ts';
import { hostsFor, isPassthrough, serverNames, tableOf, terminatesTls, type GatewayServer } from './server.ts';
import { serverSocket } from './tls.ts';

/** What a proxy's listener adds besides its servers: authorization by the gateway's own policies. */
export interface GatewayAuthorization {
  readonly http: readonly NamedFilter[];
  readonly tcp: readonly NamedFilter[];
}

export function gatewayListeners(proxy: ProxyClass, servers: readonly GatewayServer[], authorization: GatewayAuthorization): Resource[] {
  return [...Map.groupBy(servers, ({ bind, port }) => listenerName(bind, port))].flatMap(([name, group]) => {
    const [first] = group;
    if (first === undefined) return [];
    const chains = chainsOf(proxy, group, authorization);
    if (chains.length === 0) return [];
    const inspects = group.some((server) => server.server.tls !== undefined && server.protocol !== 'HTTP');
    return [
      resource(
        ListenerSchema,
        name,
        {
          name,
          address: socketAddress(first.bind, first.port),
          trafficDirection: TrafficDirection.OUTBOUND,
          filterChains: chains,
          listenerFilters: inspects ? [tlsInspector] : [],
        },
        group.map(({ object, path }) => cause(object, path)),
      ),
    ];
  });
}

/** A port speaks what its oldest server says: later servers of another kind cannot join it. */
function chainsOf(proxy: ProxyClass, group: readonly GatewayServer[], authorization: GatewayAuthorization): FilterChain[] {
  const [first] = group;
  if (first === undefined) return [];
  if (isHttp(first.protocol)) {
    // All plain HTTP servers of a port share one table, told apart by host.
    return [filterChain({ filters: [manager(proxy, first, authorization)], origin: { object: first.object, path: first.path } })];
  }
  const taken = new Set<string>();
  return group
    .filter(({ protocol }) => !isHttp(protocol))
    .flatMap((server) => serverChains(proxy, server, authorization))
    .filter((chain) => {
      const key = JSON.stringify(chain.filterChainMatch ?? {});
      return taken.has(key) ? false : taken.add(key);
    });
}

function manager(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): NamedFilter {
  return httpConnectionManager({
    role: 'gateway',
    statPrefix: `outbound_${listenerName(server.bind, server.port)};`,
    routes: { table: tableOf(server) },
    filters: httpFilters({ role: 'gateway', protocol: server.protocol, authorization: authorization.http }),
    config: proxy.view.mesh.config,
    http10: proxy.http10,
  });
}

function serverChains(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): FilterChain[] {
  const origin = { object: server.object, path: server.path };
  if (server.protocol === 'HTTPS' && terminatesTls(server)) {
    const names = serverNames(server);
    return [
      filterChain({
        ...(names.length > 0 && { match: { serverNames: names } }),
        filters: [manager(proxy, server, authorization)],
        socket: serverSocket(server.server.tls ?? {}, true, proxy.view.mesh.config),
        origin,
      }),
    ];
  }
  if (isPassthrough(server)) return sniChains(proxy, server, authorization);
  return tcpChains(proxy, server, authorization);
}

function audienceOf(proxy: ProxyClass, server: GatewayServer) {
  return { namespace: proxy.namespace, labels: proxy.labels, gateways: [server.gateway], port: server.number };
}

/** TLS handed on by server name, as the TLS rules bound to the server say. */
function sniChains(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): FilterChain[] {
  const { view } = proxy;
  return view.mesh.gatewayRoutes(server.gateway, proxy.namespace).flatMap((route) => {
    const served = hostsFor(server, route.namespace);
    return route.tls.flatMap((rule) =>
      rule.matches
        .filter((match) => isFor(match, audienceOf(proxy, server)))
        .flatMap((match) => {
          const names = match.sniHosts.filter((host) => served.some((other) => coversHost(other, host) || coversHost(host, other)));
          if (names.length === 0) return [];
          const chain = toDestinations(view, rule.destinations, server.number);
          return [
            filterChain({
              ...(!names.includes('*') && { match: { serverNames: names } }),
              filters: [...authorization.tcp, tcpProxy({ ...chain, config: view.mesh.config })],
              origin: { object: route.object, path: rule.path },
            }),
          ];
        }),
    );
  });
}

/** Bytes of a TCP port, or of TLS that ends here, to the first TCP rule bound to the server. */
function tcpChains(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): FilterChain[] {
  const { view } = proxy;
  const names = terminatesTls(server) ? serverNames(server) : [];
  for (const route of view.mesh.gatewayRoutes(server.gateway, proxy.namespace)) {
    for (const rule of route.tcp) {
      const applies = rule.matches.length === 0 || rule.matches.some((match) => isFor(match, audienceOf(proxy, server)));
      if (!applies) continue;
      const chain = toDestinations(view, rule.destinations, server.number);
      return [
        filterChain({
          ...(names.length > 0 && { match: { serverNames: names } }),
          filters: [...authorization.tcp, tcpProxy({ ...chain, config: view.mesh.config })],
          ...(terminatesTls(server) && { socket: serverSocket(server.server.tls ?? {}, false, view.mesh.config) }),
          origin: { object: route.object, path: rule.path },
        }),
      ];
    }
  }
  return [];
}
