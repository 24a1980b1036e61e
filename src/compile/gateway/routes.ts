// The route tables of gateways: the rules bound to a table's servers, by host, several objects' rules for a host in their order.

import { VirtualHost_TlsRequirementType } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { bySpecificity } from '../../mesh/hostname.ts';
import { writersOf, type Route } from '../../mesh/route.ts';
import { identityOf } from '../identity.ts';
import { cause } from '../origin.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { countsAttempts, tellsHost } from '../proxy-headers.ts';
import type { Cause, Resource } from '../resource.ts';
import type { ActionContext } from '../route/action.ts';
import { resolveDestination } from '../route/destination.ts';
import { httpRoutes, type RouteInit, type RuleAudience } from '../route/http-rules.ts';
import { routeTable } from '../route/table.ts';
import { hostOrigin, virtualHostPiece, type VirtualHostPiece } from '../route/virtual-host.ts';
import { misdirectedHosts } from './misdirected.ts';
import { commonHosts, hostsFor, tableOf, type GatewayServer } from './server.ts';

interface HostDraft {
  readonly host: string;
  readonly number: number;
  readonly routes: RouteInit[];
  /** What is there for requests that no rule takes. */
  readonly fallbacks: RouteInit[];
  readonly causes: Cause[];
  /** Whose rules are here, and through which Gateway. */
  readonly read: Set<string>;
  tlsOnly: boolean;
  object: Parameters<typeof hostOrigin>[0] | undefined;
}

/** The table that a name means among a proxy's servers; undefined for no server's. */
export function gatewayTable(proxy: ProxyClass, servers: readonly GatewayServer[], name: string): Resource | undefined {
  const bound = servers.filter((server) => tableOf(server) === name);
  const [first] = bound;
  if (first === undefined) return undefined;
  const drafts = new Map<string, HostDraft>();
  for (const server of bound) addServer(proxy, server, drafts);
  const hosts = [...drafts.values()]
    .sort((a, b) => bySpecificity(a.host, b.host))
    .map((draft) => piece(draft, proxy.view.config));
  const elsewhere = misdirectedHosts(servers, bound).filter((host) => !drafts.has(host));
  const settings = {
    validateClusters: false,
    ignorePortInHostMatching: true,
    maxDirectResponseBodySizeBytes: 1 << 20,
    ...alternatives(servers, bound),
  };
  return routeTable(name, settings, [
    ...(hosts.length > 0 ? hosts : [blackHole(first.number)]),
    ...(elsewhere.length > 0 ? [misdirected(first.number, elsewhere)] : []),
  ]);
}

/** Clients of HTTPS are told where the same hosts are served by HTTP/3. */
function alternatives(servers: readonly GatewayServer[], bound: readonly GatewayServer[]) {
  const named = ({ hosts }: GatewayServer): string[] => hosts.map((host) => host.slice(host.indexOf('/') + 1));
  const ports = servers
    .filter(
      (server) =>
        server.quic && bound.some((own) => !own.quic && terminates(own) && commonHosts(named(own), named(server)).length > 0),
    )
    .map(({ number }) => `h3=":${number}"; ma=86400`);
  if (ports.length === 0) return {};
  return { responseHeadersToAdd: [{ header: { key: 'alt-svc', value: [...new Set(ports)].join(', ') } }] };
}

const terminates = ({ protocol }: GatewayServer): boolean => protocol === 'HTTPS';

/** Whom the rules of a server are compiled for. */
export const audienceOf = (proxy: ProxyClass, server: GatewayServer): RuleAudience => ({
  namespace: proxy.namespace,
  labels: proxy.labels,
  gateways: [server.gateway],
  port: server.number,
  tls: server.server.tls !== undefined,
});

function addServer(proxy: ProxyClass, server: GatewayServer, drafts: Map<string, HostDraft>): void {
  const { view } = proxy;
  const draftFor = (host: string): HostDraft => {
    let draft = drafts.get(host);
    if (draft === undefined) {
      drafts.set(
        host,
        (draft = {
          host,
          number: server.number,
          routes: [],
          fallbacks: [],
          causes: [],
          read: new Set(),
          tlsOnly: false,
          object: undefined,
        }),
      );
    }
    return draft;
  };
  const context: ActionContext = {
    resolve: (destination) => resolveDestination(view, destination, server.number),
    defaultRetries: view.config.defaultHttpRetryPolicy,
    tellsHost: tellsHost(view.config),
  };
  const audience = audienceOf(proxy, server);
  const tlsOnly = server.server.tls?.httpsRedirect === true;
  for (const route of view.mesh.gatewayRoutes(server.gateway, proxy.namespace)) {
    const hosts = commonHosts(hostsFor(server, route.namespace), route.hosts);
    if (hosts.length === 0) continue;
    const routes = httpRoutes(route, audience, context);
    // An object without a rule for this server does not take its hosts away from others.
    if (routes.length === 0) continue;
    // Two servers with a host in common must not hold its rules twice, unless the rules tell their Gateways apart.
    const reader = namesGateways(route) ? `${server.gateway} ${identityOf(route)}` : `${identityOf(route)}`;
    for (const host of hosts) {
      const draft = draftFor(host);
      draft.tlsOnly ||= tlsOnly;
      if (draft.read.has(reader)) continue;
      draft.read.add(reader);
      (route.fallback ? draft.fallbacks : draft.routes).push(...routes);
      draft.causes.push(...writersOf(route).map((object) => cause(object)));
      draft.object ??= route.object;
    }
  }
  if (!tlsOnly) return;
  for (const host of hostsFor(server, server.namespace)) {
    const draft = draftFor(host);
    draft.tlsOnly = true;
    draft.object ??= server.object;
  }
}

const namesGateways = ({ http }: Route): boolean =>
  http.some(({ matches }) => matches.some(({ gateways }) => gateways.length > 0));

function piece({ host, number, routes, fallbacks, causes, tlsOnly, object }: HostDraft, config: MeshConfig): VirtualHostPiece {
  return virtualHostPiece(
    {
      name: `${host}:${number}`,
      domains: [host],
      routes: catchAllLast([...routes, ...fallbacks]),
      includeRequestAttemptCount: countsAttempts(config),
      ...(tlsOnly && { requireTls: VirtualHost_TlsRequirementType.ALL }),
      ...(object && { metadata: hostOrigin(object) }),
    },
    causes,
  );
}

/** Rules of several objects stand in the objects' order, but what takes everything comes last, or it would hide the rest. */
function catchAllLast(routes: readonly RouteInit[]): RouteInit[] {
  const takesAll = ({ match }: RouteInit): boolean =>
    match?.pathSpecifier?.case === 'prefix' &&
    match.pathSpecifier.value === '/' &&
    !match.headers?.length &&
    !match.dynamicMetadata?.length &&
    !match.queryParameters?.length;
  return [...routes.filter((route) => !takesAll(route)), ...routes.filter(takesAll)];
}

/** A server that no rule is bound to answers 404 to everything. */
const blackHole = (number: number): VirtualHostPiece => virtualHostPiece({ name: `blackhole:${number}`, domains: ['*'] }, []);

/** What clients that have an HTTP/2 connection for another server ask it for is not said to be absent: they make a new connection. */
const misdirected = (number: number, hosts: readonly string[]): VirtualHostPiece =>
  virtualHostPiece(
    {
      name: `misdirected:${number}`,
      domains: [...hosts],
      routes: [
        { match: { pathSpecifier: { case: 'prefix', value: '/' } }, action: { case: 'directResponse', value: { status: 421 } } },
      ],
    },
    [],
  );
