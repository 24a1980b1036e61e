// The route tables of sidecars: one per port, and one per detected service. What does not depend on the caller's own namespace is
// made once for all callers with one view.

import { writersOf } from '../../mesh/route.ts';
import { familyBy } from '../../store/family.ts';
import { computedHost } from '../demand/computed-host.ts';
import type { Delivery } from '../configuration.ts';
import { blackHoleCluster, httpProxyTable } from '../names.ts';
import { cause } from '../origin.ts';
import { countsAttempts, tellsHost } from '../proxy-headers.ts';
import type { Cause, Resource } from '../resource.ts';
import { throughListeners, type View } from '../view.ts';
import { destinationFilters, timeouts, type ActionContext } from './action.ts';
import { catchAll } from './catch-all.ts';
import { domainsOf, ownDomains, type Named } from './domains.ts';
import { entryOfHost, hostEntries, portOfStrangers, portText, type PortOfView } from './host-entries.ts';
import { destinationKey, type HostEntry } from './host-entry.ts';
import { httpRoutes, type RouteInit } from './http-rules.ts';
import { anyRequest } from './match.ts';
import { retryPolicyOf } from './retries.ts';
import { routeTable } from './table.ts';
import { rememberedWeakly } from './weak-memory.ts';
import { hostOrigin, virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

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

/** The table that a name means to a caller, or undefined for a name that is no table of sidecars. */
export function outboundTable(view: View, dnsDomain: string, name: string, delivery: Delivery): Resource | undefined {
  const settings = { validateClusters: false, maxDirectResponseBodySizeBytes: 1 << 20 };
  if (name === httpProxyTable || name.startsWith('unix://')) {
    const part = throughListeners(view).find(({ egress }) => egress?.place === undefined || egress.place.bind === name);
    return part && routeTable(name, settings, portlessHosts(part, dnsDomain));
  }
  const table = parseTableName(name);
  const part = table && partAt(view, table.port);
  if (table === undefined || part === undefined) return undefined;
  const at = { view: part, port: table.port, delivery };
  const hosts = table.host === undefined ? sharedHosts(at, dnsDomain) : detectedHost(at, table.host);
  return hosts && routeTable(name, { ...settings, ignorePortInHostMatching: true }, hosts);
}

/** The table of a listener that is for all ports: requests say which. One that says none means the first. */
function portlessHosts(view: View, dnsDomain: string): VirtualHostPiece[] {
  const ports = new Set(view.mesh.visibleServices(view).flatMap((service) => service.ports.map(({ number }) => number)));
  const entries = [...ports.add(portOfStrangers)]
    .sort((a, b) => a - b)
    .flatMap((port) => hostEntries({ view, port, delivery: 'eager' }));
  const known = new Set(entries.flatMap(({ named }) => named.hosts));
  const taken = new Set<string>();
  // A host that only rules name is not one that a service has at another port.
  const inTurn = [...entries.filter(({ service }) => service !== undefined), ...entries.filter(({ service }) => !service)];
  const hosts = inTurn.flatMap((entry) => {
    const domains = domainsOf(entry.named, dnsDomain, known)
      .flatMap((domain) => [domain, `${domain}:${entry.port}`])
      .filter((domain) => !taken.has(domain) && (entry.service !== undefined || !taken.has(domain.replace(/:\d+$/, ''))));
    for (const domain of domains) taken.add(domain);
    return domains.length === 0 ? [] : [pieceOf(entry, domains)];
  });
  return [...hosts, catchAll(view)];
}

/** The listener that has a port: the first that names it, else the one for all that none names. */
const partAt = (view: View, port: number): View | undefined =>
  throughListeners(view).find(({ egress }) => egress?.place === undefined || egress.place.port === port);

const allDomains = ['*'];

/** The table of one address, where only one service is: whatever host a request names, it is for that service. */
function detectedHost(at: PortOfView, host: string): VirtualHostPiece[] | undefined {
  const entry = entryOfHost(at, host);
  return entry && [pieceOf(entry, allDomains)];
}

/** The table that all services with a port share, and at its end what none of them is called. */
function sharedHosts(table: PortOfView, dnsDomain: string): VirtualHostPiece[] {
  const at = dnsDomain.indexOf('.svc.');
  // Proxies outside Kubernetes' naming have one domain for all, and no short names of their own.
  const key = { ...table, abroad: at < 0 ? dnsDomain : `-${dnsDomain.slice(at)}` };
  const entries = hostEntries(key);
  const own = ownNames({ ...key, dnsDomain }).value;
  // Where all are at home nobody looks from elsewhere.
  const others = own.size === entries.length ? [] : foreignPieces(key).value.pieces;
  const all = others.slice(0, entries.length);
  for (const [index, domains] of own) {
    const entry = entries[index];
    if (entry !== undefined) all[index] = pieceOf(entry, domains);
  }
  const hosts = all.filter((piece) => piece !== undefined);
  const { view, port, delivery } = table;
  const rest = delivery === 'demand' ? computedHost({ view, port, dnsDomain }) : catchAll(view);
  hosts.push(rest);
  return hosts;
}

interface TableKey extends PortOfView {
  /** The DNS domain of callers from elsewhere: a namespace that no service is in. */
  readonly abroad: string;
}

const tableText = (key: TableKey): string => `${portText(key)}\n${key.abroad}`;

/** What the hosts of a table are called by, in their order: the same list as long as none comes or goes. */
const namesAt = familyBy(portText, (at: PortOfView, previous: readonly Named[] | undefined): readonly Named[] => {
  const names = hostEntries(at).map(({ named }) => named);
  return previous?.length === names.length && previous.every((named, index) => named === names[index]) ? previous : names;
});

/** What each is called by callers of other namespaces. Of two hosts with one domain the first keeps it. */
const foreignDomains = familyBy(tableText, (key) => {
  const names = namesAt(key).value;
  const known = new Set(names.flatMap(({ hosts }) => hosts));
  const taken = new Set<string>();
  const foreign = names.map((named) => {
    const domains = domainsOf(named, key.abroad, known).filter((domain) => !taken.has(domain));
    for (const domain of domains) taken.add(domain);
    return domains;
  });
  return { names, taken, known, foreign, homes: homesOf(names) };
});

interface OwnKey extends TableKey {
  readonly dnsDomain: string;
}

/** The domains of those that callers of a namespace call by more names than others do, by their place. */
const ownNames = familyBy(
  (key: OwnKey) => `${tableText(key)}\n${key.dnsDomain}`,
  ({ dnsDomain, ...key }): ReadonlyMap<number, readonly string[]> => {
    const { names, taken, known, foreign, homes } = foreignDomains(key).value;
    const found = new Map<number, readonly string[]>();
    for (const index of homes.get(dnsDomain) ?? []) {
      const named = names[index];
      const own = named === undefined ? [] : ownDomains(named, dnsDomain, known).filter((domain) => !taken.has(domain));
      if (own.length > 0) found.set(index, [...(foreign[index] ?? []), ...own]);
    }
    return found;
  },
);

interface ForeignPieces {
  readonly entries: readonly HostEntry[];
  readonly foreign: readonly (readonly string[])[];
  readonly pieces: readonly (VirtualHostPiece | undefined)[];
}

/** Each entry as callers of other namespaces see it; none where all its names are taken. */
const foreignPieces = familyBy<TableKey, ForeignPieces>(tableText, (key, previous) => {
  const { foreign } = foreignDomains(key).value;
  const entries = hostEntries(key);
  const before = previous?.foreign === foreign ? previous : undefined;
  const pieces = entries.map((entry, index) => {
    if (before?.entries[index] === entry) return before.pieces[index];
    const domains = foreign[index] ?? [];
    return domains.length === 0 ? undefined : pieceOf(entry, domains);
  });
  return { entries, foreign, pieces };
});

/** Which have a host directly under a domain: callers of that domain have short names for them. */
function homesOf(names: readonly Named[]): ReadonlyMap<string, ReadonlySet<number>> {
  const homes = new Map<string, Set<number>>();
  for (const [index, { hosts }] of names.entries()) {
    for (const host of hosts) {
      const domain = host.slice(host.indexOf('.') + 1);
      const list = homes.get(domain);
      if (list === undefined) homes.set(domain, new Set([index]));
      else list.add(index);
    }
  }
  return homes;
}

const remembered = rememberedWeakly(makePiece);
const found = new WeakMap<HostEntry, WeakMap<readonly string[], VirtualHostPiece>>();

/** The virtual host of an entry under some domains: one for all tables that have the same. */
function pieceOf(entry: HostEntry, domains: readonly string[]): VirtualHostPiece {
  let byDomains = found.get(entry);
  if (byDomains === undefined) found.set(entry, (byDomains = new WeakMap()));
  let piece = byDomains.get(domains);
  if (piece === undefined) {
    piece = remembered(`${entry.text}\n${domains.join()}`, entry, domains);
    byDomains.set(domains, piece);
  }
  return piece;
}

function makePiece(entry: HostEntry, domains: readonly string[]): VirtualHostPiece {
  const { name, service, port, route, audience, resolved, config } = entry;
  const context: ActionContext = {
    resolve: (destination) =>
      resolved.get(destinationKey(destination)) ?? { cluster: blackHoleCluster, announcement: undefined, hashPolicy: [] },
    defaultRetries: config.defaultHttpRetryPolicy,
    tellsHost: tellsHost(config),
  };
  const routes =
    route === undefined
      ? service === undefined
        ? []
        : [defaultRoute(service.host, port, context)]
      : httpRoutes(route, { ...audience, gateways: ['mesh'], port }, context);
  const causes: Cause[] = [
    ...(service === undefined ? [] : [cause(service.object)]),
    ...(route === undefined ? [] : writersOf(route).map((object) => cause(object))),
  ];
  const owner = service?.object ?? route?.object;
  return virtualHostPiece(
    {
      name,
      domains: [...domains],
      routes,
      includeRequestAttemptCount: countsAttempts(config),
      ...(owner && { metadata: hostOrigin(owner) }),
    },
    causes,
  );
}

/** Everything to the service's own cluster. */
function defaultRoute(host: string, port: number, context: ActionContext): RouteInit {
  const to = context.resolve({ host, subset: '', port });
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
    decorator: { operation: `${host}:${port}/*` },
    typedPerFilterConfig: destinationFilters(to),
  };
}
