// The step between a whole table and one that is sent apart, for a proxy that runs it: one virtual host for every request that
// answers as the whole table does, so that the others can come under their domains without a moment in which a rule is missing.

import { clone, create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import {
  HeaderMatcherSchema,
  RouteSchema,
  VirtualHostSchema,
  type Route,
  type VirtualHost,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Resource } from '../resource.ts';
import { bridgeMark, headOf, isForAll, noRoute } from './apart.ts';
import { tableParts } from './table.ts';

type HeaderMatch = MessageInitShape<typeof HeaderMatcherSchema>;

const made = new WeakMap<Resource, Resource | undefined>();

/** Undefined where virtual hosts say more than their routes can: such a table stays whole. */
export function tableBridge(table: Resource): Resource | undefined {
  if (!made.has(table)) made.set(table, bridgeOf(table));
  return made.get(table);
}

function bridgeOf(table: Resource): Resource | undefined {
  const parts = tableParts(table);
  if (parts === undefined) return undefined;
  const [forAll, ...more] = parts.hosts.filter(isForAll);
  if (forAll === undefined || forAll.domains.length > 1 || more.length > 0) return undefined;
  const rest = fromBinary(VirtualHostSchema, forAll.bytes);
  const hosts = parts.hosts.filter((piece) => piece !== forAll).map(({ bytes }) => fromBinary(VirtualHostSchema, bytes));
  if (!hosts.every((host) => isItsRoutes(host, rest))) return undefined;
  const { ignorePortInHostMatching } = fromBinary(RouteConfigurationSchema, parts.head);
  const routes = inTurn(hosts).flatMap(({ host, domains }) => guarded(host, authority(domains, ignorePortInHostMatching)));
  rest.routes.unshift(...routes);
  const bytes = toBinary(VirtualHostSchema, rest);
  return { ...headOf(table.name, parts.head, [{ ...forAll, bytes }], bridgeMark), causes: table.causes };
}

/** Whether a host is nothing but its routes, and what it does to each request is what the last one does too. */
function isItsRoutes(host: VirtualHost, rest: VirtualHost): boolean {
  const bare = clone(VirtualHostSchema, host);
  Object.assign(bare, { name: '', domains: [], routes: [], includeRequestAttemptCount: false, metadata: undefined });
  return host.includeRequestAttemptCount === rest.includeRequestAttemptCount && toBinary(VirtualHostSchema, bare).length === 0;
}

interface Turn {
  readonly host: VirtualHost;
  readonly domains: readonly string[];
}

/** As Envoy looks for a request's host: whole names, then endings from the longest on, then beginnings. */
function inTurn(hosts: readonly VirtualHost[]): Turn[] {
  const whole = hosts.map((host) => ({ host, domains: host.domains.filter((domain) => !domain.includes('*')) }));
  const wild = hosts.flatMap((host) =>
    host.domains.filter((domain) => domain.includes('*')).map((domain) => ({ host, domain, domains: [domain] })),
  );
  const rank = ({ domain }: { readonly domain: string }) => (domain.startsWith('*') ? 0 : 1);
  wild.sort((a, b) => rank(a) - rank(b) || b.domain.length - a.domain.length);
  return [...whole.filter(({ domains }) => domains.length > 0), ...wild];
}

/** The host's routes for requests that name it; one that none of them takes has no route, as it would have none there. */
function guarded({ routes }: VirtualHost, guard: HeaderMatch): Route[] {
  return [...routes, create(RouteSchema, noRoute)].map((given) => {
    const route = clone(RouteSchema, given);
    route.match?.headers.push(create(HeaderMatcherSchema, guard));
    return route;
  });
}

const escaped = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');

function authority(domains: readonly string[], ignorePort: boolean): HeaderMatch {
  const names = domains.map((domain) => domain.split('*').map(escaped).join('.+')).join('|');
  const regex = `(?i)(?:${names})${ignorePort ? '(?::[0-9]+)?' : ''}`;
  return {
    name: ':authority',
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'safeRegex', value: { regex } } } },
  };
}
