// One object's HTTP rules → Envoy routes, for one proxy: rules that are not for it are left out, and what nothing can reach.

import type { RouteSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Init } from '../../filters/any.ts';
import { routeFilters } from '../../filters/index.ts';
import { matchesLabels, type Labels } from '../../mesh/labels.ts';
import type { HttpMatch, HttpRule, Route, SourceMatch } from '../../mesh/route.ts';
import { originMetadata } from '../origin.ts';
import { destinationFilters, forwardAction, type ActionContext } from './action.ts';
import { headerFields } from './header-changes.ts';
import { matchesEverything, routeMatch } from './match.ts';
import { directAction, redirectAction, type Entrance } from './redirect.ts';

export type RouteInit = Init<typeof RouteSchema>;

/** For whom the rules are compiled. */
export interface RuleAudience extends Entrance {
  readonly namespace: string;
  readonly labels: Labels;
  /** `mesh`, or the gateways (`ns/name`) that the table belongs to. */
  readonly gateways: readonly string[];
}

/** Whether a match is for these proxies at all. */
export function appliesTo(match: SourceMatch, audience: RuleAudience): boolean {
  if (match.port !== undefined && match.port !== audience.port) return false;
  // A match that names gateways asks nothing else of who calls.
  if (match.gateways.length > 0) return match.gateways.some((gateway) => audience.gateways.includes(gateway));
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== audience.namespace) return false;
  return matchesLabels(match.sourceLabels, audience.labels);
}

/** Whether an object has a rule for these proxies. */
export const hasRuleFor = ({ http }: Route, audience: RuleAudience): boolean =>
  http.some(({ matches }) => matches.length === 0 || matches.some((match) => appliesTo(match, audience)));

/** The routes of an object's rules, in order, ending with the first that takes every request. */
export function httpRoutes(route: Route, audience: RuleAudience, context: ActionContext): RouteInit[] {
  const routes: RouteInit[] = [];
  for (const rule of route.http) {
    if (rule.matches.length === 0) {
      routes.push(httpRoute(route, rule, undefined, audience, context));
      return routes;
    }
    for (const match of rule.matches) {
      if (!appliesTo(match, audience)) continue;
      routes.push(httpRoute(route, rule, match, audience, context));
      if (matchesEverything(match)) return routes;
    }
  }
  return routes;
}

function httpRoute(
  route: Route,
  rule: HttpRule,
  match: HttpMatch | undefined,
  entrance: Entrance,
  context: ActionContext,
): RouteInit {
  const name = match?.name ? [rule.name, match.name].filter(Boolean).join('.') : rule.name;
  const filters = routeFilters(rule);
  // Istio names the object that has the hosts; several Ingresses have one host.
  const writer = rule.object.kind === 'Ingress' ? rule.object : route.object;
  const base: RouteInit = {
    ...(name !== '' && { name }),
    match: routeMatch(match),
    metadata: originMetadata(rule.object, match?.path ?? rule.path, writer),
    ...(match?.statPrefix && { statPrefix: match.statPrefix }),
    decorator: { operation: operationOf(undefined, route, match, entrance) },
    typedPerFilterConfig: filters,
  };
  const { action } = rule;
  switch (action.kind) {
    case 'redirect':
      return { ...base, ...headerFields(rule.headers), action: redirectAction(action, entrance) };
    case 'direct':
      return { ...base, ...headerFields(rule.headers), action: directAction(action) };
    case 'forward': {
      const { action: value, headers, ...to } = forwardAction(rule, action, context);
      const only = value.clusterSpecifier?.case === 'cluster' ? value.clusterSpecifier.value : undefined;
      return {
        ...base,
        ...headerFields(rule.headers, headers),
        action: { case: 'route', value },
        decorator: { operation: operationOf(only, route, match, entrance) },
        typedPerFilterConfig: { ...destinationFilters(to), ...filters },
      };
    }
  }
}

/**
 * The name of a span: `host:port/path*` of the only destination, else with the name of the object that has the hosts, and the port
 * that was called.
 */
function operationOf(cluster: string | undefined, route: Route, match: HttpMatch | undefined, { port }: Entrance): string {
  const [, number = '', , host = ''] = cluster?.split('|') ?? [];
  const path =
    match?.uri === undefined || match.uri.kind === 'present' || match.uri.kind === 'segments'
      ? '/*'
      : match.uri.kind === 'prefix'
        ? `${match.uri.value}*`
        : match.uri.value;
  return host === '' ? `${route.name}:${port}${path}` : `${host}:${number}${path}`;
}
