// The listeners of gateways: one per address and port, with a chain per server: HTTP, TLS that ends here, TLS handed on, TCP.

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { ApiObject, Path } from '../../api/object.ts';
import { httpFilters } from '../../filters/index.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { isHttp } from '../../mesh/protocol.ts';
import { resource } from '../encode.ts';
import { listenerAccessLogs } from '../listener/access-log.ts';
import { refusedLoggers } from '../listener/access-record.ts';
import {
  anyAddresses,
  filterChain,
  proxyProtocol,
  socketAddress,
  tlsInspector,
  udpAddress,
  type FilterChain,
} from '../listener/chain.ts';
import { bufferLimit, connectionSettingsOf } from '../listener/connection-settings.ts';
import { httpConnectionManager } from '../listener/http-connection-manager.ts';
import { meshProtocols } from '../listener/inbound-chains.ts';
import { isQuiet } from '../proxy-headers.ts';
import { nameCacheOf } from '../name-cache.ts';
import { listenerName } from '../names.ts';
import { cause } from '../origin.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Cause, Resource } from '../resource.ts';
import { automaticRules, sniRules, tcpRule } from './l4-rules.ts';
import {
  hasTable,
  isAutomatic,
  isPassthrough,
  listenerOf,
  serverNames,
  tableOf,
  terminatesTls,
  type GatewayServer,
} from './server.ts';
import { quicSocket, serverSocket } from './tls.ts';

/** What a proxy's listener adds besides its servers: authorization by the gateway's own policies. */
export interface GatewayAuthorization {
  readonly http: readonly NamedFilter[];
  readonly tcp: readonly NamedFilter[];
  /** The policies that made them. */
  readonly causes: readonly Cause[];
}

export interface GatewayListeners {
  readonly listeners: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
}

export function gatewayListeners(
  proxy: ProxyClass,
  servers: readonly GatewayServer[],
  authorization: GatewayAuthorization,
): GatewayListeners {
  const listeners: Resource[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [name, group] of Map.groupBy(servers, listenerOf)) {
    const drafts = isHttp(group[0]?.protocol ?? 'TCP')
      ? httpChain(proxy, group, authorization)
      : group.flatMap((server) => serverChains(proxy, server, authorization));
    const { chains, refused } = apart(drafts);
    diagnostics.push(...refused, ...group.flatMap((server) => leadsNowhere(server, drafts)));
    const made = chains.length === 0 ? undefined : listener(proxy, name, group, chains, authorization.causes);
    if (made !== undefined) listeners.push(made);
  }
  return { listeners, diagnostics };
}

/** A chain, the names it is for (none: every name), and what made it. */
interface ChainDraft {
  readonly server: GatewayServer;
  readonly names: readonly string[];
  readonly chain: FilterChain;
  readonly origin: { readonly object: ApiObject<unknown>; readonly path: Path };
}

function listener(
  proxy: ProxyClass,
  name: string,
  group: readonly GatewayServer[],
  chains: readonly FilterChain[],
  policies: readonly Cause[],
): Resource | undefined {
  const [first] = group;
  if (first === undefined) return undefined;
  const { bind, port } = first;
  const addressOf = (address: string) => (first.quic ? udpAddress(address, port) : socketAddress(address, port));
  // Where a server names an address, that is the only one.
  const others = first.server.bind ? [] : anyAddresses(proxy.families).filter((address) => address !== bind);
  return resource(
    ListenerSchema,
    name,
    {
      name,
      address: addressOf(bind),
      ...(others.length > 0 && { additionalAddresses: others.map((address) => ({ address: addressOf(address) })) }),
      ...(first.quic && { udpListenerConfig: { quicOptions: {}, downstreamSocketConfig: { preferGro: true } } }),
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: [...listenerAccessLogs(proxy.view.mesh.config), ...refusedLoggers(proxy.view.records ? 'gateway' : undefined)],
      filterChains: [...chains],
      ...bufferLimit(connectionSettingsOf(proxy.view.config, true).listenerPerConnectionBufferLimitBytes),
      listenerFilters: first.quic
        ? []
        : [
            // Before TLS begins: its header is the first that comes.
            ...(proxy.topology.proxyProtocol === undefined ? [] : [proxyProtocol]),
            ...(isHttp(first.protocol) || first.server.tls === undefined ? [] : [tlsInspector]),
          ],
    },
    [...group.map(({ object, path }) => cause(object, path)), ...policies],
  );
}

/** Envoy refuses a listener in which two chains are for one name: the earlier keeps it, the other is left out whole. */
function apart(drafts: readonly ChainDraft[]): { chains: FilterChain[]; refused: Diagnostic[] } {
  const taken = new Set<string>();
  const chains: FilterChain[] = [];
  const refused: Diagnostic[] = [];
  for (const { server, names, chain, origin } of drafts) {
    const keys = names.length === 0 ? ['*'] : names;
    const twice = keys.find((name) => taken.has(name));
    if (twice === undefined) {
      for (const name of keys) taken.add(name);
      chains.push(chain);
      continue;
    }
    // Each of two such servers has every service that both their hosts cover.
    if (isAutomatic(server)) continue;
    refused.push(
      diagnose(origin.object, origin.path, {
        code: 'LAT0203',
        severity: 'error',
        message: `server name ${twice} is taken already on this port: the rule is left out`,
        help: 'let each server name be in one rule of one object',
      }),
    );
  }
  return { chains, refused };
}

function leadsNowhere(server: GatewayServer, drafts: readonly ChainDraft[]): Diagnostic[] {
  if (hasTable(server) || isAutomatic(server) || drafts.some((draft) => draft.server === server)) return [];
  const rules = isPassthrough(server) ? 'tls' : 'tcp';
  return [
    diagnose(server.object, server.path, {
      code: 'LAT0205',
      severity: 'warning',
      message: `no ${rules} rule of a VirtualService is bound to this server: it takes no connections`,
      help: `bind a VirtualService with ${rules} rules and one of the server's hosts to the Gateway`,
    }),
  ];
}

/** Milliseconds: who opens connections at the edge and says nothing must not keep them (istio.md §1.14). */
const handshakeTimeout = 15_000;

/** All plain HTTP servers of a port share one table, told apart by host. */
function httpChain(proxy: ProxyClass, [first]: readonly GatewayServer[], authorization: GatewayAuthorization): ChainDraft[] {
  if (first === undefined) return [];
  const origin = { object: first.object, path: first.path };
  const filters = [manager(proxy, first, authorization)];
  return [{ server: first, names: [], chain: filterChain({ handshakeTimeout, filters, origin }), origin }];
}

/** Only what sidecars say of each other's connections is taken, so nothing else than mutual TLS of the mesh passes. */
function automaticChains(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): ChainDraft[] {
  const origin = { object: server.object, path: server.path };
  return automaticRules(proxy, server).map(({ name, filter }) => ({
    server,
    names: [name],
    origin,
    chain: filterChain({
      match: { serverNames: [name], applicationProtocols: [...meshProtocols] },
      handshakeTimeout,
      filters: [...authorization.tcp, filter],
      origin,
    }),
  }));
}

function manager(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): NamedFilter {
  return httpConnectionManager({
    role: 'gateway',
    statPrefix:
      server.protocol === 'HTTPS' && server.server.name
        ? server.server.name
        : `outbound_${listenerName(server.bind, server.port)};`,
    routes: { table: tableOf(server) },
    filters: httpFilters({
      role: 'gateway',
      protocol: server.protocol,
      authorization: authorization.http,
      names: nameCacheOf(proxy.view),
      quiet: isQuiet(proxy.view.config),
    }),
    config: proxy.view.config,
    records: proxy.view.records,
    http10: proxy.http10,
    topology: proxy.topology,
    quic: server.quic,
  });
}

function serverChains(proxy: ProxyClass, server: GatewayServer, authorization: GatewayAuthorization): ChainDraft[] {
  if (isAutomatic(server)) return automaticChains(proxy, server, authorization);
  const match = (names: readonly string[]) => (names.length > 0 ? { match: { serverNames: [...names] } } : {});
  const socket = () =>
    (server.quic ? quicSocket : serverSocket)(server.server.tls ?? {}, proxy.view.mesh.config, proxy.view.files);
  if (hasTable(server)) {
    const names = serverNames(server);
    const origin = { object: server.object, path: server.path };
    return [
      {
        server,
        names,
        origin,
        chain: filterChain({
          ...match(names),
          handshakeTimeout,
          filters: [manager(proxy, server, authorization)],
          socket: socket(),
          origin,
        }),
      },
    ];
  }
  const rules = isPassthrough(server) ? sniRules(proxy, server) : tcpRule(proxy, server);
  return rules.map(({ names, filters, origin }) => ({
    server,
    names,
    origin,
    chain: filterChain({
      ...match(names),
      handshakeTimeout,
      filters: [...authorization.tcp, ...filters],
      ...(terminatesTls(server) && { socket: socket() }),
      origin,
    }),
  }));
}
