// The route tables of sidecars: one per port, and one per detected service; a virtual host for every service that callers see.

import type { ReadonlySignal } from '@preact/signals-core';
import { familyBy } from '../../store/family.ts';
import { alternativeHosts, bySpecificity } from '../../mesh/hostname.ts';
import { labelsText } from '../../mesh/labels.ts';
import { isHttpOrAuto } from '../../mesh/protocol.ts';
import type { Destination, Route } from '../../mesh/route.ts';
import { portNumbered, type Service, type ServicePort } from '../../mesh/service.ts';
import { identityOf } from '../identity.ts';
import { blackHoleCluster, passthroughCluster } from '../names.ts';
import { cause } from '../origin.ts';
import type { Cause, Resource } from '../resource.ts';
import type { View } from '../view.ts';
import { announcementConfig, retryPolicyOf, timeouts, type ActionContext, type ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import { httpRoutes, type RouteInit } from './http-rules.ts';
import { anyRequest } from './match.ts';
import { routeTable, withoutDuplicates } from './table.ts';
import { hostOrigin, serviceDomains, virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

/** A route table's name: `9080`, or `host:9080` for a service whose protocol is detected. */
export interface TableName {
  readonly port: number;
  readonly host: string | undefined;
}

export function parseTableName(name: string): TableName | undefined {
  const colon = name.lastIndexOf(':');
  const port = Number(colon < 0 ? name : name.slice(colon + 1));
  if (!Number.isInteger(port) || port <= 0 || port > 65535) return undefined;
  return { port, host: colon < 0 ? undefined : name.slice(0, colon) };
}

/** What one virtual host is made from: everything here is data, so equal texts give equal bytes. */
interface HostInput {
  readonly name: string;
  readonly domains: readonly string[];
  readonly service: Service | undefined;
  readonly port: number;
  readonly route: Route | undefined;
  /** Whom the rules are for; only what the rules look at. */
  readonly audience: { readonly namespace: string; readonly labels: View['labels'] };
  readonly resolved: ReadonlyMap<string, ResolvedDestination>;
  readonly view: View;
  readonly text: string;
}

const destinationKey = ({ host, subset, port }: Destination): string => `${host}|${subset}|${port ?? ''}`;

/** Shared by every view: two callers whose rules and destinations are the same get the same piece. */
const hostPieces: (input: HostInput) => ReadonlySignal<VirtualHostPiece> = familyBy(({ text }) => text, makePiece);

function makePiece({ name, domains, service, port, route, audience, resolved, view }: HostInput): VirtualHostPiece {
  const context: ActionContext = {
    resolve: (destination) => resolved.get(destinationKey(destination)) ?? { cluster: blackHoleCluster, announcement: undefined, hashPolicy: [] },
    defaultRetries: view.mesh.config.defaultHttpRetryPolicy,
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

/** The table that a name means to a view, or undefined for a name that is no table of sidecars. */
export function outboundTable(view: View, name: string): Resource | undefined {
  const table = parseTableName(name);
  if (table === undefined) return undefined;
  const hosts = [...serviceHosts(view, table), ...(table.host === undefined ? unregisteredHosts(view, table.port) : [])];
  const pieces = withoutDuplicates(hosts, (host, domains) => ({ ...host, domains, text: `${host.text}\n${domains.join()}` }));
  return routeTable(
    name,
    { validateClusters: false, ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: 1 << 20 },
    [...pieces.map((host) => hostPieces(host).value), catchAll(view)],
  );
}

function serviceHosts(view: View, table: TableName): HostInput[] {
  const { mesh } = view;
  const seen = mesh.visibleServices(view.namespace);
  const aliases = Map.groupBy(
    seen.filter((service) => service.resolution === 'alias'),
    (service) => aliasTarget(view, service),
  );
  return seen.flatMap((service) => {
    if (service.resolution === 'alias') return [];
    if (table.host !== undefined && service.host !== table.host) return [];
    const port = portNumbered(service, table.port);
    if (port === undefined || !isHttpOrAuto(port.protocol)) return [];
    const names = [service.host, ...(aliases.get(service.host) ?? []).map(({ host }) => host)];
    return [hostInput(view, service, port, names)];
  });
}

function aliasTarget(view: View, service: Service): string {
  let target: Service | undefined = service;
  for (let hops = 0; target?.resolution === 'alias' && hops < 8; hops++) {
    target = target.aliasOf === undefined ? undefined : view.mesh.serviceSeen(target.aliasOf, view.namespace);
  }
  return target?.host ?? '';
}

function hostInput(view: View, service: Service, port: ServicePort, names: readonly string[]): HostInput {
  const route = view.mesh.routeFor(service.host, view.namespace);
  const domains = serviceDomains(service, names, (host) => alternativeHosts(host, view.dnsDomain));
  const destinations = [{ host: service.host, subset: '', port: port.number }, ...(route === undefined ? [] : destinationsOf(route))];
  return withText(view, { name: `${service.host}:${port.number}`, domains, service, port: port.number, route }, destinations);
}

/** Hosts that only rules name: each gets its virtual host at every port. */
function unregisteredHosts(view: View, port: number): HostInput[] {
  return view.mesh
    .unregisteredHosts(view.namespace)
    .filter(({ host, route }) => route.http.length > 0 && host !== '*')
    .toSorted((a, b) => bySpecificity(a.host, b.host))
    .map(({ host, route }) =>
      withText(view, { name: `${host}:${port}`, domains: [host, ...alternativeHosts(host, view.dnsDomain)], service: undefined, port, route }, destinationsOf(route)),
    );
}

function withText(
  view: View,
  host: Pick<HostInput, 'name' | 'domains' | 'service' | 'port' | 'route'>,
  destinations: readonly Destination[],
): HostInput {
  const audience = host.route !== undefined && looksAtCallers(host.route) ? view : { namespace: '', labels: {} };
  const resolved = new Map<string, ResolvedDestination>();
  const texts = [
    `${identityOf(view.mesh)} ${identityOf(host.service)} ${identityOf(host.route)} ${host.name} ${audience.namespace} ${labelsText(audience.labels)}`,
    host.domains.join(),
  ];
  for (const destination of destinations) {
    const key = destinationKey(destination);
    if (resolved.has(key)) continue;
    resolved.set(key, resolveDestination(view, destination, host.port));
    texts.push(`${key}=${destinationText(view, destination, host.port)}`);
  }
  return { ...host, audience: { namespace: audience.namespace, labels: audience.labels }, resolved, view, text: texts.join('\n') };
}

const looksAtCallers = ({ http }: Route): boolean =>
  http.some(({ matches }) => matches.some((match) => match.sourceNamespace !== undefined || Object.keys(match.sourceLabels).length > 0));

/** Every destination that a rule of the object names. */
function destinationsOf({ http }: Route): Destination[] {
  return http.flatMap((rule) => [
    ...(rule.action.kind === 'forward' ? rule.action.destinations.map(({ destination }) => destination) : []),
    ...rule.mirrors.map(({ destination }) => destination),
  ]);
}

/** What no service is called by: on to where the caller dialled, or refused, as the mesh says. */
function catchAll(view: View): VirtualHostPiece {
  return catchAllPieces(view.mesh.config.outboundTrafficPolicy.mode === 'REGISTRY_ONLY' ? 'refuse' : 'pass').value;
}

const catchAllPieces = familyBy(
  (way: 'refuse' | 'pass') => way,
  (way) =>
    way === 'refuse'
      ? virtualHostPiece(
          {
            name: 'block_all',
            domains: ['*'],
            includeRequestAttemptCount: true,
            routes: [{ name: 'block_all', match: anyRequest, action: { case: 'directResponse', value: { status: 502 } } }],
          },
          [],
        )
      : virtualHostPiece(
          {
            name: 'allow_any',
            domains: ['*'],
            includeRequestAttemptCount: true,
            routes: [
              {
                name: 'allow_any',
                match: anyRequest,
                action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: passthroughCluster }, ...timeouts(undefined) } },
                typedPerFilterConfig: announcementConfig('none'),
              },
            ],
          },
          [],
        ),
);

