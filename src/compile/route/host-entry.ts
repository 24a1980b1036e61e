// One host of a sidecar's route table: a service at a port with the rules that count for it, or a host that only rules name. A cell for
// each, so that a changed rule makes its own host again and no other.

import { createHash } from 'node:crypto';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { refOf, type ApiObject } from '../../api/object.ts';
import { labelsText, type Labels } from '../../mesh/labels.ts';
import type { Destination, Route } from '../../mesh/route.ts';
import { portNumbered, type Service } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { isPlainHttp } from '../demand/plain.ts';
import { identityOf } from '../identity.ts';
import type { Delivery } from '../configuration.ts';
import { viewText, type View } from '../view.ts';
import type { ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import type { Named } from './domains.ts';
import { hasRuleFor, type RuleAudience } from './http-rules.ts';

/** A virtual host less the caller's short names for it. */
export interface HostEntry {
  /** What it is called by: the same object as long as that stays. */
  readonly named: Named;
  readonly name: string;
  readonly service: Service | undefined;
  readonly port: number;
  /** The object whose rules count; undefined where none has a rule for these callers. */
  readonly route: Route | undefined;
  /** Whom the rules are for: only what they look at. */
  readonly audience: { readonly namespace: string; readonly labels: Labels };
  readonly resolved: ReadonlyMap<string, ResolvedDestination>;
  readonly config: MeshConfig;
  /** Equal texts, equal routes. */
  readonly text: string;
}

/** For whom the rules of a view's table at a port are. */
export const audienceAt = ({ namespace, labels }: View, port: number): RuleAudience => ({
  namespace,
  labels,
  gateways: ['mesh'],
  port,
});

/** The first object with a rule for the callers of a host at a port. */
export const ruleFor = (view: View, host: string, port: number): Route | undefined =>
  view.mesh.httpRules(host, view).find((route) => hasRuleFor(route, audienceAt(view, port)));

export interface AskedService {
  readonly view: View;
  readonly port: number;
  readonly delivery: Delivery;
  readonly service: Service;
  readonly named: Named;
}

/** A service's entry; undefined where it needs none, on demand. */
export const serviceEntry = familyBy<AskedService, HostEntry | undefined>(
  ({ view, port, delivery, service, named }) =>
    `${viewText(view)}\n${port} ${delivery} ${identityOf(service)} ${identityOf(named)}`,
  ({ view, port, delivery, service, named }, previous) => {
    const route = ruleFor(view, service.host, port);
    const found = portNumbered(service, port);
    const computed = delivery === 'demand' && route === undefined && named.hosts.length === 1;
    if (computed && service.resolution !== 'alias' && found !== undefined && isPlainHttp(view, service, found)) return undefined;
    const destinations = [{ host: service.host, subset: '', port }, ...(route === undefined ? [] : destinationsOf(route))];
    return entryOf(view, { named, name: `${service.host}:${port}`, service, port, route }, destinations, previous);
  },
);

export interface AskedStranger {
  readonly view: View;
  readonly port: number;
  readonly route: Route;
  readonly named: Named;
}

/** The entry of a host that only rules name. */
export const strangerEntry = familyBy<AskedStranger, HostEntry>(
  ({ view, port, route, named }) => `${viewText(view)}\n${port} ${identityOf(route)} ${identityOf(named)}`,
  ({ view, port, route, named }, previous) =>
    entryOf(view, { named, name: `${named.hosts[0]}:${port}`, service: undefined, port, route }, destinationsOf(route), previous),
);

function entryOf(
  view: View,
  host: Omit<HostEntry, 'audience' | 'resolved' | 'config' | 'text'>,
  destinations: readonly Destination[],
  previous: HostEntry | undefined,
): HostEntry {
  const { namespace, labels } = host.route !== undefined && looksAtCallers(host.route) ? view : { namespace: '', labels: {} };
  const resolved = new Map<string, ResolvedDestination>();
  const texts = [
    [
      identityOf(view.mesh),
      identityOf(view.config),
      identityOf(host.service),
      host.route === undefined ? '' : rulesText(host.route),
      host.name,
      namespace,
      labelsText(labels),
    ].join(' '),
  ];
  for (const destination of destinations) {
    const key = destinationKey(destination);
    if (resolved.has(key)) continue;
    const to = resolveDestination(view, destination, host.port);
    resolved.set(key, to);
    texts.push(`${key}=${destinationText(to)}`);
  }
  const text = texts.join('\n');
  if (previous?.text === text && previous.named === host.named) return previous;
  return { ...host, audience: { namespace, labels }, resolved, config: view.config, text };
}

const known = new WeakMap<Route, string>();

/** Differs where an object's rules for requests do: one that is applied again, or changes elsewhere, is as it was. */
function rulesText(route: Route): string {
  let text = known.get(route);
  if (text === undefined) {
    const said = JSON.stringify([refOf(route.object), route.http], (key, value: unknown) => {
      if (key === 'object') return refOf(value as ApiObject<unknown>);
      return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
    });
    known.set(route, (text = createHash('sha256').update(said).digest('base64url')));
  }
  return text;
}

export const destinationKey = ({ host, subset, port }: Destination): string => `${host}|${subset}|${port ?? ''}`;

const looksAtCallers = ({ http }: Route): boolean =>
  http.some(({ matches }) =>
    matches.some((match) => match.sourceNamespace !== undefined || Object.keys(match.sourceLabels).length > 0),
  );

/** Every destination that a rule of the object names. */
function destinationsOf({ http }: Route): Destination[] {
  return http.flatMap((rule) => [
    ...(rule.action.kind === 'forward' ? rule.action.destinations.map(({ destination }) => destination) : []),
    ...rule.mirrors.map(({ destination }) => destination),
  ]);
}
