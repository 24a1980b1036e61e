// What changes for requests: the virtual hosts of a route table, route by route.

import type { Registry } from '@bufbuild/protobuf';
import {
  RouteSchema,
  VirtualHostSchema,
  type Route,
  type VirtualHost,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Resource } from '../../compile/resource.ts';
import type { StepOrigin } from '../explanation.ts';
import { originsOf, type Locate } from '../origins.ts';
import { routeWanted } from '../route-match.ts';
import { changedFacts, changedLabels, changedLines, factsText } from './facts.ts';
import { changedFields, fieldText, isObject } from './json-changes.ts';
import { jsonOf } from './messages.ts';
import type { Change, ChangeLine } from './plan.ts';
import { routeFacts, usualRetries } from './route-facts.ts';
import { bytesText, otherHosts, tableParts, tableRest } from './table-parts.ts';
import { untold } from './untold.ts';

export interface Words {
  readonly registry: Registry;
  /** Finds the lines of objects: of those before the change, and of those after it. */
  readonly before: Locate;
  readonly after: Locate;
}

export function requestChanges(before: Resource | undefined, after: Resource | undefined, words: Words): Change[] {
  const [was, is] = [before, after].map((table) => table && tableParts(table));
  const [old, now] = [otherHosts(was, is), otherHosts(is, was)];
  const whole = was === undefined || is === undefined;
  const names = [...new Set([...old.keys(), ...now.keys()])].filter((name) => !whole || !everyTable.has(name));
  const hosts = names.flatMap((name) => hostChange(name, old.get(name), now.get(name), words));
  if (whole || bytesText(was.rest) === bytesText(is.rest)) return hosts;
  const [others, othersNow] = [was, is].map((table) => jsonOf(RouteConfigurationSchema, tableRest(table), words.registry));
  const lines = changedLines('', changedFields(others, othersNow).map(fieldText), []);
  return [...hosts, { part: 'requests', subject: `table ${tableRest(is).name}`, change: 'changed', lines }];
}

/** What stands in every table says nothing of one that comes or goes. */
const everyTable = new Set(['allow_any', 'block_all']);

function hostChange(name: string, was: VirtualHost | undefined, is: VirtualHost | undefined, words: Words): Change[] {
  if (was === undefined || is === undefined) {
    const [host, sign, locate] = is === undefined ? [was, '-' as const, words.before] : [is, '+' as const, words.after];
    const lines =
      host?.routes.map((route): ChangeLine => ({ sign, text: routeText(route), origins: routeOrigins(route, locate) })) ?? [];
    return [{ part: 'requests', subject: name, change: sign === '+' ? 'added' : 'removed', lines }];
  }
  const lines = [...routeChanges(was.routes, is.routes, words), ...otherChanges(was, is, words)];
  return lines.length === 0 ? [] : [{ part: 'requests', subject: name, change: 'changed', lines }];
}

/** A whole route: what every route has that says nothing else is left out. */
function routeText(route: Route): string {
  const facts = new Map([...routeFacts(route)].filter(([label, words]) => label !== 'retries' || words !== usualRetries));
  return `${routeWanted(route.match)}: ${factsText(facts) || 'nothing'}`;
}

const routeOrigins = ({ metadata }: Route, locate: Locate): StepOrigin[] => originsOf(metadata, locate);

/** Routes that ask for the same are the same route, the first with the first; else each would be new below a route that came. */
function keyed(routes: readonly Route[]): Map<string, Route> {
  const seen = new Map<string, Route>();
  for (const route of routes) {
    const wanted = routeWanted(route.match);
    let key = wanted;
    for (let again = 2; seen.has(key); again++) key = `${wanted} (${again})`;
    seen.set(key, route);
  }
  return seen;
}

function routeChanges(before: readonly Route[], after: readonly Route[], words: Words): ChangeLine[] {
  const [was, is] = [keyed(before), keyed(after)];
  const gone = [...was].filter(([key]) => !is.has(key));
  const removed = gone.map(([, route]): ChangeLine => ({
    sign: '-',
    text: routeText(route),
    origins: routeOrigins(route, words.before),
  }));
  const others = [...is].flatMap(([key, route]): ChangeLine[] => {
    const origins = routeOrigins(route, words.after);
    const old = was.get(key);
    if (old === undefined) return [{ sign: '+', text: routeText(route), origins }];
    return changedLines(routeWanted(route.match), routeDifferences(old, route, words.registry), origins);
  });
  return [...removed, ...others, ...orderChange([...was.keys()], [...is.keys()])];
}

function routeDifferences(was: Route, is: Route, registry: Registry): string[] {
  const [old, now] = [routeFacts(was), routeFacts(is)];
  const changed = changedLabels(old, now);
  const rest = changedFields(
    untold(jsonOf(RouteSchema, was, registry), changed),
    untold(jsonOf(RouteSchema, is, registry), changed),
  );
  return [...changedFacts(old, now), ...rest.map(fieldText)];
}

/** The first route whose place among those that stay is another: the first that matches takes a request. */
function orderChange(before: readonly string[], after: readonly string[]): ChangeLine[] {
  const was = before.filter((key) => after.includes(key));
  const is = after.filter((key) => before.includes(key));
  const index = is.findIndex((key, place) => key !== was[place]);
  if (index < 0) return [];
  return [{ sign: '~', text: `order: ${is[index]} now comes before ${was[index]}`, origins: [] }];
}

/** What the host itself says for all its routes. */
function otherChanges(was: VirtualHost, is: VirtualHost, { registry, after }: Words): ChangeLine[] {
  const rest = [was, is].map((host) => {
    const json = jsonOf(VirtualHostSchema, host, registry);
    return isObject(json) ? { ...json, routes: [], metadata: {} } : json;
  });
  return changedLines('', changedFields(rest[0], rest[1]).map(fieldText), originsOf(is.metadata, after));
}
