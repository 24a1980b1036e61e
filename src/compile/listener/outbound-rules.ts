// TCP and TLS rules of a service's port → the chains of its outbound listener, as plain data.

import type { Cause } from '../resource.ts';
import { cause } from '../origin.ts';
import { isFor } from '../route/http-rules.ts';
import { resolveDestination } from '../route/destination.ts';
import type { Route, SourceMatch, WeightedDestination } from '../../mesh/route.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { isTls } from '../../mesh/protocol.ts';
import { milliseconds } from '../../lib/duration.ts';
import { outboundCluster } from '../names.ts';
import { destinationSettings, type View } from '../view.ts';
import type { TcpTarget } from './tcp-proxy.ts';

/** One way that bytes can take: by server name, by address, or all the rest. */
export interface TcpChain {
  readonly serverNames: readonly string[];
  /** CIDRs of the dialled address; empty: any. */
  readonly subnets: readonly string[];
  readonly targets: readonly TcpTarget[];
  readonly statPrefix: string;
  readonly idleTimeout: number | undefined;
  readonly hashBySource: boolean;
  readonly cause: Cause;
}

/** The chains for a port: those of its rules in order, then, unless a rule took everything, straight to the service. */
export function tcpChains(view: View, service: Service, port: ServicePort, subnets: readonly string[], bySni: boolean): TcpChain[] {
  const route = view.mesh.routeFor(service.host, view.namespace);
  const tls = route === undefined ? [] : tlsRuleChains(view, route, port.number, subnets);
  if (isTls(port.protocol)) return tls.length > 0 ? tls : [serviceChain(view, service, port, subnets, bySni ? [service.host] : [])];
  const { chains, complete } = route === undefined ? { chains: [], complete: false } : tcpRuleChains(view, route, port.number, subnets);
  return [...tls, ...chains, ...(complete ? [] : [serviceChain(view, service, port, subnets, [])])];
}

function audienceOf(view: View, port: number) {
  return { namespace: view.namespace, labels: view.labels, gateways: ['mesh'], port };
}

/** A rule's port in a match is the listener's; gateways that are named must be the mesh. */
const applies = (view: View, port: number, match: SourceMatch): boolean => isFor(match, audienceOf(view, port));

function tlsRuleChains(view: View, route: Route, port: number, subnets: readonly string[]): TcpChain[] {
  return route.tls.flatMap((rule) =>
    rule.matches
      .filter((match) => applies(view, port, match))
      .map((match) => ({
        ...toDestinations(view, rule.destinations, port),
        serverNames: match.sniHosts,
        subnets: match.destinationSubnets.length > 0 ? match.destinationSubnets : subnets,
        cause: cause(route.object, rule.path),
      })),
  );
}

function tcpRuleChains(view: View, route: Route, port: number, subnets: readonly string[]): { chains: TcpChain[]; complete: boolean } {
  const chains: TcpChain[] = [];
  for (const rule of route.tcp) {
    const matches = rule.matches.filter((match) => applies(view, port, match));
    if (rule.matches.length > 0 && matches.length === 0) continue;
    const open = matches.length === 0 || matches.some(({ destinationSubnets }) => destinationSubnets.length === 0);
    chains.push({
      ...toDestinations(view, rule.destinations, port),
      serverNames: [],
      subnets: open ? subnets : matches.flatMap(({ destinationSubnets }) => destinationSubnets),
      cause: cause(route.object, rule.path),
    });
    if (open) return { chains, complete: true };
  }
  return { chains, complete: false };
}

export function toDestinations(view: View, destinations: readonly WeightedDestination[], port: number) {
  const targets = destinations.map(({ destination, weight }) => ({ cluster: resolveDestination(view, destination, port).cluster, weight }));
  const [first] = targets;
  return {
    targets: targets.length === 1 ? targets : targets.filter(({ weight }) => weight > 0),
    statPrefix: targets.length === 1 && first !== undefined ? first.cluster : (destinations[0]?.destination.host ?? ''),
    idleTimeout: undefined,
    hashBySource: false,
  };
}

function serviceChain(view: View, service: Service, port: ServicePort, subnets: readonly string[], serverNames: readonly string[]): TcpChain {
  const cluster = outboundCluster(port.number, '', service.host);
  const { connectionPool, loadBalancer } = destinationSettings(view, service, port.number, '');
  const idle = connectionPool?.tcp?.idleTimeout;
  return {
    serverNames,
    subnets,
    targets: [{ cluster, weight: 100 }],
    statPrefix: cluster,
    idleTimeout: idle === undefined ? undefined : milliseconds(idle),
    hashBySource: loadBalancer?.consistentHash?.useSourceIp ?? false,
    cause: cause(service.object),
  };
}
