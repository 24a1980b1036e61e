// The route tables of sidecars: one per port, and one per detected service; a virtual host for every service that callers see.
// What does not depend on the caller's own namespace is made once for all callers with one view.

import type { ReadonlySignal } from '@preact/signals-core';
import { alternativeHosts, bySpecificity } from '../../mesh/hostname.ts';
import { labelsText } from '../../mesh/labels.ts';
import { isHttpOrAuto } from '../../mesh/protocol.ts';
import type { Destination, Route } from '../../mesh/route.ts';
import { portNumbered, type Service, type ServicePort } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { identityOf } from '../identity.ts';
import { blackHoleCluster } from '../names.ts';
import { cause } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import { destinationService, viewText, type View } from '../view.ts';
import { announcementConfig, retryPolicyOf, timeouts, type ActionContext, type ResolvedDestination } from './action.ts';
import { catchAll } from './catch-all.ts';
import { destinationText, resolveDestination } from './destination.ts';
import { httpRoutes, type RouteInit } from './http-rules.ts';
import { anyRequest } from './match.ts';
import { routeTable } from './table.ts';
import { hostOrigin, serviceDomains, virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

/** A route table's name: `9080`, or `host:9080` for a service whose protocol is detected. */
interface TableName {
  readonly port: number;
  readonly host: string | undefined;
}

function parseTableName(name: string): TableName | undefined {
  const colon = name.lastIndexOf(':');
  const port = Number(colon < 0 ? name : name.slice(colon + 1));
  if (!Number.isInteger(port) || port <= 0 || port > 65535) return undefined;
  return { port, host: colon < 0 ? undefined : name.slice(0, colon) };
}

/** A virtual host less the caller's short names for it. */
interface HostEntry {
  readonly name: string;
  /** Whole names of the service and its aliases, or the one host that only rules name. */
  readonly hosts: readonly string[];
  readonly service: Service | undefined;
  readonly port: number;
  readonly route: Route | undefined;
  /** Whom the rules are for: only what they look at. */
  readonly audience: Pick<View, 'namespace' | 'labels'>;
  readonly resolved: ReadonlyMap<string, ResolvedDestination>;
  readonly mesh: View['mesh'];
  /** Equal texts, equal routes. */
  readonly text: string;
}

interface PieceInput {
  readonly entry: HostEntry;
  readonly domains: readonly string[];
}

/** The table that a name means to a caller, or undefined for a name that is no table of sidecars. */
export function outboundTable(view: View, dnsDomain: string, name: string): Resource | undefined {
  const table = parseTableName(name);
  if (table === undefined) return undefined;
  // Proxies outside Kubernetes' naming have one domain for all, and no short names of their own.
  const abroad = dnsDomain.includes('.svc.') ? elsewhere : dnsDomain;
  const key = { view, name, abroad };
  const entries = hostEntries(key).value;
  const { taken, foreign } = foreignPieces(key).value;
  const hosts = entries.flatMap((entry, index): VirtualHostPiece[] => {
    const own = ownAlternatives(entry, dnsDomain, abroad).filter((domain) => !taken.has(domain));
    const shared = foreign[index];
    if (own.length === 0) return shared === undefined ? [] : [shared];
    return [pieces({ entry, domains: [...(shared?.domains ?? []), ...own] }).value];
  });
  return routeTable(name, { validateClusters: false, ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: 1 << 20 }, [
    ...hosts,
    catchAll(view.mesh.config),
  ]);
}

interface TableKey {
  readonly view: View;
  readonly name: string;
  /** The DNS domain of callers from elsewhere. */
  readonly abroad: string;
}

const tableText = ({ view, name, abroad }: TableKey): string => `${viewText(view)}\n${name}\n${abroad}`;

const hostEntries = familyBy(tableText, ({ view, name }): readonly HostEntry[] => {
  const table = parseTableName(name);
  if (table === undefined) return [];
  return [...serviceEntries(view, table), ...(table.host === undefined ? unregisteredEntries(view, table.port) : [])];
});

/** A namespace that no service is in: what callers from elsewhere call a host. */
const elsewhere = '-.svc.cluster.local';

/** Each entry as callers of other namespaces see it. Of two hosts with one domain the first keeps it. */
const foreignPieces = familyBy(tableText, (key) => {
  const taken = new Set<string>();
  const foreign = hostEntries(key).value.map((entry) => {
    const domains = domainsOf(entry, key.abroad).filter((domain) => !taken.has(domain));
    for (const domain of domains) taken.add(domain);
    return domains.length === 0 ? undefined : pieces({ entry, domains }).value;
  });
  return { taken, foreign };
});

function domainsOf(entry: HostEntry, dnsDomain: string): string[] {
  const alternatives = (host: string) => alternativeHosts(host, dnsDomain);
  if (entry.service !== undefined) return serviceDomains(entry.service, entry.hosts, alternatives);
  return [...new Set(entry.hosts.flatMap((host) => [host, ...alternatives(host)]))];
}

/** The names that only callers with this domain use: short names of services in their own namespace. */
function ownAlternatives(entry: HostEntry, dnsDomain: string, abroad: string): string[] {
  return entry.hosts.flatMap((host) => {
    const foreign = alternativeHosts(host, abroad);
    return alternativeHosts(host, dnsDomain).filter((domain) => !foreign.includes(domain));
  });
}

const pieces: (input: PieceInput) => ReadonlySignal<VirtualHostPiece> = familyBy(
  ({ entry, domains }) => `${entry.text}\n${domains.join()}`,
  makePiece,
);

function makePiece({ entry, domains }: PieceInput): VirtualHostPiece {
  const { name, service, port, route, audience, resolved, mesh } = entry;
  const context: ActionContext = {
    resolve: (destination) => resolved.get(destinationKey(destination)) ?? { cluster: blackHoleCluster, announcement: undefined, hashPolicy: [] },
    defaultRetries: mesh.config.defaultHttpRetryPolicy,
  };
  const ruled = route === undefined ? [] : httpRoutes(route, { ...audience, gateways: ['mesh'], port }, context);
  const routes = ruled.length > 0 || service === undefined ? ruled : [defaultRoute(service, port, context)];
  const causes: Cause[] = [...(service === undefined ? [] : [cause(service.object)]), ...(route === undefined ? [] : [cause(route.object)])];
  const owner = service?.object ?? route?.object;
  return virtualHostPiece(
    { name, domains: [...domains], routes, includeRequestAttemptCount: true, ...(owner && { metadata: hostOrigin(owner) }) },
    causes,
  );
}

/** Everything to the service's own cluster. */
function defaultRoute(service: Service, port: number, context: ActionContext): RouteInit {
  const to = context.resolve({ host: service.host, subset: '', port });
  const retryPolicy = retryPolicyOf(undefined, context.defaultRetries, to.hashPolicy.length > 0);
  return {
    name: 'default',
    match: anyRequest,
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: to.cluster },
        ...timeouts(undefined),
        ...(retryPolicy && { retryPolicy }),
        ...(to.hashPolicy.length > 0 && { hashPolicy: [...to.hashPolicy] }),
      },
    },
    decorator: { operation: `${service.host}:${port}/*` },
    ...(to.announcement !== undefined && { typedPerFilterConfig: announcementConfig(to.announcement) }),
  };
}

function serviceEntries(view: View, table: TableName): HostEntry[] {
  const seen = view.mesh.visibleServices(view.namespace);
  const aliases = Map.groupBy(
    seen.filter((service) => service.resolution === 'alias'),
    (service) => destinationService(view, service.host)?.host ?? '',
  );
  return seen.flatMap((service) => {
    if (service.resolution === 'alias' || (table.host !== undefined && service.host !== table.host)) return [];
    const port = portNumbered(service, table.port);
    if (port === undefined || !isHttpOrAuto(port.protocol)) return [];
    return [serviceEntry(view, service, port, [service.host, ...(aliases.get(service.host) ?? []).map(({ host }) => host)])];
  });
}

function serviceEntry(view: View, service: Service, port: ServicePort, hosts: readonly string[]): HostEntry {
  const route = view.mesh.routeFor(service.host, view.namespace);
  const destinations = [{ host: service.host, subset: '', port: port.number }, ...(route === undefined ? [] : destinationsOf(route))];
  return entryOf(view, { name: `${service.host}:${port.number}`, hosts, service, port: port.number, route }, destinations);
}

/** Hosts that only rules name: each gets its virtual host at every port. */
function unregisteredEntries(view: View, port: number): HostEntry[] {
  return view.mesh
    .unregisteredHosts(view.namespace)
    .filter(({ host, route }) => route.http.length > 0 && host !== '*')
    .toSorted((a, b) => bySpecificity(a.host, b.host))
    .map(({ host, route }) => entryOf(view, { name: `${host}:${port}`, hosts: [host], service: undefined, port, route }, destinationsOf(route)));
}

function entryOf(
  view: View,
  host: Pick<HostEntry, 'name' | 'hosts' | 'service' | 'port' | 'route'>,
  destinations: readonly Destination[],
): HostEntry {
  const audience = host.route !== undefined && looksAtCallers(host.route) ? view : { namespace: '', labels: {} };
  const resolved = new Map<string, ResolvedDestination>();
  const texts = [
    [identityOf(view.mesh), identityOf(host.service), identityOf(host.route), host.name, audience.namespace, labelsText(audience.labels)].join(' '),
  ];
  for (const destination of destinations) {
    const key = destinationKey(destination);
    if (resolved.has(key)) continue;
    const to = resolveDestination(view, destination, host.port);
    resolved.set(key, to);
    texts.push(`${key}=${destinationText(to)}`);
  }
  return {
    ...host,
    audience: { namespace: audience.namespace, labels: audience.labels },
    resolved,
    mesh: view.mesh,
    text: texts.join('\n'),
  };
}

const destinationKey = ({ host, subset, port }: Destination): string => `${host}|${subset}|${port ?? ''}`;

const looksAtCallers = ({ http }: Route): boolean =>
  http.some(({ matches }) => matches.some((match) => match.sourceNamespace !== undefined || Object.keys(match.sourceLabels).length > 0));

/** Every destination that a rule of the object names. */
function destinationsOf({ http }: Route): Destination[] {
  return http.flatMap((rule) => [
    ...(rule.action.kind === 'forward' ? rule.action.destinations.map(({ destination }) => destination) : []),
    ...rule.mirrors.map(({ destination }) => destination),
  ]);
}
