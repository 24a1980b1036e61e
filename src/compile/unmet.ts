// What an object's rules lack where they lead: a service, a port of it, a subset, a delegate. For its sake control/ keeps an earlier form.

import type { Path } from '../api/object.ts';
import { isWildcard } from '../mesh/hostname.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Destination, Handover, WeightedDestination, WrittenRoute } from '../mesh/route.ts';
import { portNumbered, type Service } from '../mesh/service.ts';
import { objectKey } from '../store/store.ts';
import { destinationService } from './view.ts';

/** A destination that cannot be reached, though something is to be sent there. */
export interface Unmet {
  readonly path: Path;
  /** `subset v3 of reviews.default.svc.cluster.local`. */
  readonly what: string;
  /** Where the service is missing, or this port of it. */
  readonly host?: string;
  readonly port?: number;
  /** The object that requests are handed over to. */
  readonly delegate?: { readonly namespace: string; readonly name: string };
  /** Where only the subset is missing: of which service, and its name. */
  readonly subset?: { readonly service: Service; readonly name: string };
}

type Written = Pick<WrittenRoute, 'namespace' | 'tls' | 'tcp'> & { readonly http: WrittenRoute['http'] };

/** What an object's own rules lack, seen from its namespace. Callers' labels do not count: a subset for some of them is there. */
export function unmetDestinations(mesh: Mesh, route: Written): Unmet[] {
  const namespace = mesh.outlook(route.namespace);
  return [
    ...[...usedDestinations(route)].flatMap(({ destination, path }) => unmet(mesh, namespace, destination, path) ?? []),
    ...route.http.flatMap((rule) => ('to' in rule ? (unmetDelegate(mesh, rule) ?? []) : [])),
  ];
}

function unmetDelegate(mesh: Mesh, { to, path }: Handover): Unmet | undefined {
  if (mesh.routes.get(objectKey(to.namespace, to.name)) !== undefined) return undefined;
  return { path: [...path, 'delegate'], what: `delegate ${to.name} in ${to.namespace}`, delegate: to };
}

function unmet(mesh: Mesh, namespace: string, { host, port, subset }: Destination, path: Path): Unmet | undefined {
  if (isWildcard(host)) return undefined;
  const service = destinationService({ mesh, namespace, scope: undefined, egress: undefined }, host);
  if (service === undefined) return { path, what: `host ${host}`, host, ...(port !== undefined && { port }) };
  if (port !== undefined && portNumbered(service, port) === undefined)
    return { path, what: `port ${port} of ${service.host}`, host: service.host, port };
  if (subset === '') return undefined;
  const policies = mesh.destinationPolicies(service.host, service.namespace, namespace);
  if (policies.some(({ subsets }) => subsets.some(({ name }) => name === subset))) return undefined;
  return { path, what: `subset ${subset} of ${service.host}`, subset: { service, name: subset } };
}

/** Every destination that gets something; of several, those without weight get nothing. */
function* usedDestinations({ http, tls, tcp }: Written): Generator<{ destination: Destination; path: Path }> {
  for (const rule of http) {
    if ('action' in rule && rule.action.kind === 'forward') yield* weighted(rule.action.destinations, rule.path);
    for (const { destination, percent } of rule.mirrors) if (percent > 0) yield { destination, path: [...rule.path, 'mirror'] };
  }
  for (const rule of [...tls, ...tcp]) yield* weighted(rule.destinations, rule.path);
}

function* weighted(
  destinations: readonly WeightedDestination[],
  path: Path,
): Generator<{ destination: Destination; path: Path }> {
  for (const [index, { destination, weight }] of destinations.entries()) {
    if (weight > 0 || destinations.length === 1) yield { destination, path: [...path, 'route', index, 'destination'] };
  }
}
