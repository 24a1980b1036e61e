// The TLS and TCP rules that are bound to a gateway's server: where its connections go that are not HTTP.

import { dynamicServerName } from '../../filters/dynamic-names.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import type { ApiObject, Path } from '../../api/object.ts';
import type { Route, SourceMatch, WeightedDestination } from '../../mesh/route.ts';
import { coversHost } from '../../mesh/hostname.ts';
import { toDestinations } from '../listener/outbound-rules.ts';
import { nameCache } from '../name-cache.ts';
import { parseSniName, sniName } from '../names.ts';
import { unopenedClusters } from '../outbound.ts';
import { tcpProxy, type TcpProxy } from '../listener/tcp-proxy.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { View } from '../view.ts';
import { commonHosts, hostsFor, serverNames, terminatesTls, type GatewayServer } from './server.ts';

/** Connections for these server names (none: all), and what takes them. */
export interface L4Rule {
  readonly names: readonly string[];
  readonly filters: readonly NamedFilter[];
  readonly origin: { readonly object: ApiObject<unknown>; readonly path: Path };
}

/** Objects bound to the server's Gateway of which a host is one of the server's. */
const bound = ({ view, namespace }: ProxyClass, server: GatewayServer): Route[] =>
  view.mesh
    .gatewayRoutes(server.gateway, namespace)
    .filter((route) => commonHosts(hostsFor(server, route.namespace), route.hosts).length > 0);

/** At a gateway only a match's port and gateways are asked: who called is not a workload of the mesh. */
const applies = ({ port, gateways }: SourceMatch, server: GatewayServer): boolean =>
  (port === undefined || port === server.number) && (gateways.length === 0 || gateways.includes(server.gateway));

/** TLS handed on by server name. */
export function sniRules(proxy: ProxyClass, server: GatewayServer): L4Rule[] {
  return bound(proxy, server).flatMap((route) =>
    route.tls.flatMap((rule) =>
      rule.destinations.length === 0
        ? []
        : rule.matches
            .flatMap((match, index) => (applies(match, server) ? [{ match, path: [...rule.path, 'match', index] }] : []))
            .map(({ match: { sniHosts }, path }) => {
              const names = sniHosts.includes('*') ? [] : sniHosts.map((host) => host.toLowerCase());
              return l4Rule(proxy, server, route, { ...rule, path }, names);
            }),
    ),
  );
}

/** Bytes of a TCP port, or of TLS that ends here: to the first rule that applies. */
export function tcpRule(proxy: ProxyClass, server: GatewayServer): L4Rule[] {
  const names = terminatesTls(server) ? serverNames(server) : [];
  for (const route of bound(proxy, server)) {
    const rule = route.tcp.find(
      ({ matches, destinations }) =>
        destinations.length > 0 && (matches.length === 0 || matches.some((match) => applies(match, server))),
    );
    if (rule !== undefined) return [l4Rule(proxy, server, route, rule, names)];
  }
  return [];
}

/** Mutual TLS handed on by the name that its caller's proxy gives: to each service and subset that the server's hosts cover. */
export function automaticRules(
  { view }: ProxyClass,
  server: GatewayServer,
): { readonly name: string; readonly filter: NamedFilter }[] {
  const hosts = serverNames(server);
  const covered = (host: string): boolean => hosts.length === 0 || hosts.some((pattern) => coversHost(pattern, host));
  return [...unopenedClusters(view).value.byName.keys()].sort().flatMap((cluster) => {
    const parts = parseSniName(cluster);
    if (parts === undefined || !covered(parts.host)) return [];
    const { host, subset, port } = parts;
    const owner = { name: host, namespace: '' };
    const settings = toDestinations(view, owner, [{ destination: parts, weight: 1, headers: undefined }], port);
    const to = { ...settings, targets: [{ cluster, weight: 1 }], statPrefix: cluster, tunnel: undefined };
    // Envoy compares server names in small letters.
    return [{ name: sniName(port, subset, host).toLowerCase(), filter: tcpProxy({ ...to, ...bytes(view) }) }];
  });
}

function l4Rule(
  { view }: ProxyClass,
  server: GatewayServer,
  route: Route,
  rule: { readonly destinations: readonly WeightedDestination[]; readonly path: Path },
  names: readonly string[],
): L4Rule {
  const chain = toDestinations(view, route, rule.destinations, server.number);
  const lookup =
    chain.dynamicPort === undefined ? [] : [dynamicServerName(nameCache(view.mesh.config, view.families), chain.dynamicPort)];
  return {
    names,
    filters: [...lookup, tcpProxy({ ...chain, ...bytes(view) })],
    origin: { object: route.object, path: rule.path },
  };
}

const bytes = ({ mesh, records }: View): Pick<TcpProxy, 'config' | 'records'> => ({
  config: mesh.config,
  records: records ? 'gateway' : undefined,
});
