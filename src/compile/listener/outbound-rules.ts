// TCP and TLS rules of a service's port → the chains of its outbound listener, as plain data.

import type { Cause } from '../resource.ts';
import { cause, contentPath, originText } from '../origin.ts';
import { connectionTarget, dynamicPort } from '../route/destination.ts';
import type { Route, SourceMatch, WeightedDestination } from '../../mesh/route.ts';
import { matchesLabels } from '../../mesh/labels.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { isTls } from '../../mesh/protocol.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { milliseconds } from '../../lib/duration.ts';
import { outboundCluster } from '../names.ts';
import { destinationSettings, type View } from '../view.ts';
import type { TcpTarget, TcpTunnel } from './tcp-proxy.ts';

/** Where bytes go, and how they are spread. */
export interface TcpTargets {
  readonly targets: readonly TcpTarget[];
  readonly statPrefix: string;
  readonly idleTimeout: number | undefined;
  readonly maxDuration: number | undefined;
  readonly hashBySource: boolean;
  readonly tunnel: TcpTunnel | undefined;
  /** The server name is looked up, and called at this port. */
  readonly dynamicPort: number | undefined;
}

/** One way that bytes can take: by server name, by address, or all the rest. */
export interface TcpChain extends TcpTargets {
  /** Empty: any, or none. */
  readonly serverNames: readonly string[];
  /** CIDRs of the dialled address; empty: any. */
  readonly subnets: readonly string[];
  readonly cause: Cause;
  /** As metadata name it. */
  readonly source: string;
}

/** The chains for a port: those of its rules in order, then, unless a rule took everything, straight to the service. */
export function tcpChains(
  view: View,
  service: Service,
  port: ServicePort,
  subnets: readonly string[],
  bySni: boolean,
): TcpChain[] {
  const routes = view.mesh.connectionRules(service.host, view);
  if (isTls(port.protocol)) {
    const ruled = routes.flatMap((route) => tlsRuleChains(view, route, port.number, subnets));
    return ruled.length > 0 ? ruled : [serviceChain(view, service, port, subnets, bySni ? [service.host] : [])];
  }
  const { chains, complete } = tcpRuleChains(view, routes, port.number, subnets);
  const straight = complete || chains.some((chain) => sameSet(chain.subnets, subnets));
  return straight ? chains : [...chains, serviceChain(view, service, port, subnets, [])];
}

/** Of rules for connections all of it must hold: port, gateways, and who calls. */
const applies = (view: View, number: number, { port, gateways, sourceLabels, sourceNamespace }: SourceMatch): boolean =>
  (port === undefined || port === number) &&
  (gateways.length === 0 || gateways.includes('mesh')) &&
  (sourceNamespace === undefined || sourceNamespace === view.namespace) &&
  matchesLabels(sourceLabels, view.labels);

/** Whether rules say anything of connections to a port. */
export const hasConnectionRules = (view: View, service: Service, { number, protocol }: ServicePort): boolean =>
  view.mesh
    .connectionRules(service.host, view)
    .some(({ tls, tcp }) =>
      isTls(protocol)
        ? tls.some(({ matches }) => matches.some((match) => applies(view, number, match)))
        : tcp.some(({ matches }) => matches.length === 0 || matches.some((match) => applies(view, number, match))),
    );

function tlsRuleChains(view: View, route: Route, port: number, subnets: readonly string[]): TcpChain[] {
  return route.tls.flatMap((rule) =>
    rule.matches
      .flatMap((match, index) => (applies(view, port, match) ? [{ match, index }] : []))
      .map(({ match, index }) => ({
        ...toDestinations(view, route, rule.destinations, port),
        // Any name among several is no condition at all.
        serverNames: match.sniHosts.includes('*') ? [] : match.sniHosts,
        subnets: match.destinationSubnets.length > 0 ? match.destinationSubnets : subnets,
        cause: cause(route.object, rule.path),
        source: originText(route.object, contentPath(route.object, [...rule.path, 'match', index])),
      })),
  );
}

/** A rule that asks for no address takes everything: nothing after it, of this object or another, is reached. */
function tcpRuleChains(
  view: View,
  routes: readonly Route[],
  port: number,
  subnets: readonly string[],
): { chains: TcpChain[]; complete: boolean } {
  const chains: TcpChain[] = [];
  for (const route of routes) {
    for (const rule of route.tcp) {
      const matches = rule.matches.filter((match) => applies(view, port, match));
      if (rule.matches.length > 0 && matches.length === 0) continue;
      const open = matches.length === 0 || matches.some(({ destinationSubnets }) => destinationSubnets.length === 0);
      chains.push({
        ...toDestinations(view, route, rule.destinations, port),
        serverNames: [],
        subnets: open ? subnets : [...new Set(matches.flatMap(({ destinationSubnets }) => destinationSubnets))],
        cause: cause(route.object, rule.path),
        source: originText(route.object, contentPath(route.object, rule.path)),
      });
      if (open) return { chains, complete: true };
    }
  }
  return { chains, complete: false };
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.length > 0 && new Set([...a, ...b]).size === new Set(a).size;

/** Where a rule's destinations lead. Several share what the first one's policy says of connections. */
export function toDestinations(
  view: View,
  route: Pick<Route, 'name' | 'namespace'>,
  destinations: readonly WeightedDestination[],
  port: number,
): TcpTargets {
  const found = destinations.map(({ destination, weight }) => ({ ...connectionTarget(view, destination, port), weight }));
  const [first] = found;
  const alone = found.length === 1 && first !== undefined;
  return {
    targets: (alone ? found : found.filter(({ weight }) => weight > 0)).map(({ cluster, weight }) => ({ cluster, weight })),
    statPrefix: alone ? first.cluster : `${route.name}.${route.namespace}`,
    ...connectionSettings(first?.settings),
    dynamicPort: first?.dynamicPort,
  };
}

/** What a policy says of connections themselves. */
export function connectionSettings(
  settings: TrafficPolicy | undefined,
): Pick<TcpTargets, 'idleTimeout' | 'maxDuration' | 'hashBySource' | 'tunnel'> {
  const { idleTimeout: idle, maxConnectionDuration: longest } = settings?.connectionPool?.tcp ?? {};
  const tunnel = settings?.tunnel;
  return {
    idleTimeout: idle === undefined ? undefined : milliseconds(idle),
    maxDuration: longest === undefined ? undefined : milliseconds(longest),
    hashBySource: settings?.loadBalancer?.consistentHash?.useSourceIp ?? false,
    tunnel: tunnel && { target: `${tunnel.targetHost}:${tunnel.targetPort}`, post: tunnel.protocol === 'POST' },
  };
}

function serviceChain(
  view: View,
  service: Service,
  port: ServicePort,
  subnets: readonly string[],
  serverNames: readonly string[],
): TcpChain {
  const cluster = outboundCluster(port.number, '', service.host);
  return {
    serverNames,
    subnets,
    targets: [{ cluster, weight: 100 }],
    statPrefix: cluster,
    ...connectionSettings(destinationSettings(view, service, port.number, '')),
    dynamicPort: dynamicPort(service, port.number),
    cause: cause(service.object),
    source: originText(service.object, []),
  };
}
