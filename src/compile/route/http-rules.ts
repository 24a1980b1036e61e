// One object's HTTP rules → Envoy routes, for one proxy: rules that are not for it are left out, and what nothing can reach.

import type { RouteSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Init } from '../../filters/any.ts';
import { routeFilters } from '../../filters/index.ts';
import { matchesLabels, type Labels } from '../../mesh/labels.ts';
import type { HttpMatch, HttpRule, Route, SourceMatch } from '../../mesh/route.ts';
import { originMetadata } from '../origin.ts';
import { announcementConfig, directAction, forwardAction, headerFields, redirectAction, type ActionContext } from './action.ts';
import { matchesEverything, routeMatch } from './match.ts';

export type RouteInit = Init<typeof RouteSchema>;

/** For whom the rules are compiled. */
export interface RuleAudience {
  readonly namespace: string;
  readonly labels: Labels;
  /** `mesh`, or the gateways (`ns/name`) that the table belongs to. */
  readonly gateways: readonly string[];
  /** The port callers dialled. */
  readonly port: number;
}

/** Whether a match is for these proxies at all. */
export function isFor(match: SourceMatch, audience: RuleAudience): boolean {
  if (match.port !== undefined && match.port !== audience.port) return false;
  // A match that names gateways asks nothing else of who calls.
  if (match.gateways.length > 0) return match.gateways.some((gateway) => audience.gateways.includes(gateway));
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== audience.namespace) return false;
  return matchesLabels(match.sourceLabels, audience.labels);
}

/** The routes of an object's rules, in order, ending with the first that takes every request. */
export function httpRoutes(route: Route, audience: RuleAudience, context: ActionContext): RouteInit[] {
  const routes: RouteInit[] = [];
  for (const rule of route.http) {
    if (rule.matches.length === 0) {
      routes.push(httpRoute(route, rule, undefined, context));
      return routes;
    }
    for (const match of rule.matches) {
      if (!isFor(match, audience)) continue;
      routes.push(httpRoute(route, rule, match, context));
      if (matchesEverything(match)) return routes;
    }
  }
  return routes;
}

function httpRoute(route: Route, rule: HttpRule, match: HttpMatch | undefined, context: ActionContext): RouteInit {
  const changes = headerFields(rule.headers?.request, rule.headers?.response);
  const filters = routeFilters(rule);
  const name = match?.name ? [rule.name, match.name].filter(Boolean).join('.') : rule.name;
  const base: RouteInit = {
    ...(name !== '' && { name }),
    match: routeMatch(match),
    metadata: originMetadata(route.object, match?.path ?? rule.path),
    ...changes.fields,
    ...(match?.statPrefix && { statPrefix: match.statPrefix }),
  };
  const { action } = rule;
  if (action.kind === 'redirect') return { ...base, action: redirectAction(action), typedPerFilterConfig: filters };
  if (action.kind === 'direct') return { ...base, action: directAction(action), typedPerFilterConfig: filters };
  const forward = forwardAction(rule, action, match, context);
  return {
    ...base,
    action: { case: 'route', value: forward.action },
    decorator: { operation: operationOf(rule, match, action.destinations[0]?.destination.host ?? '', context) },
    typedPerFilterConfig: {
      ...(forward.announcement !== undefined && announcementConfig(forward.announcement)),
      ...filters,
    },
  };
}

/** The name of a span: `host:port/path*` of the first destination. */
function operationOf(rule: HttpRule, match: HttpMatch | undefined, host: string, context: ActionContext): string {
  const [first] = rule.action.kind === 'forward' ? rule.action.destinations : [];
  const [, port = ''] = first === undefined ? [] : context.resolve(first.destination).cluster.split('|');
  const path = match?.uri === undefined || match.uri.kind === 'present' ? '/*' : match.uri.kind === 'prefix' ? `${match.uri.value}*` : match.uri.value;
  return `${host}:${port}${path}`;
}
