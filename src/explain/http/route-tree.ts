// A route chosen by a virtual host's tree of matchers: the tree leads to a route, or to a list of which the first takes it that matches.

import {
  RouteListSchema,
  RouteSchema,
  type Route,
  type VirtualHost,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Matcher } from '../../../gen/xds/type/matcher/v3/matcher_pb.js';
import type { Unknown } from '../explanation.ts';
import type { Headers } from '../headers.ts';
import { decide } from '../matcher/tree.ts';
import { note, type Passage } from '../passage.ts';
import { chooseRoute, routeWanted } from '../route-match.ts';
import { typedConfig } from '../typed-config.ts';

/** Undefined: none takes it. */
export function routeByTree(host: VirtualHost, tree: Matcher, headers: Headers, passage: Passage): Route | Unknown | undefined {
  const decision = decide(tree, { passage, headers });
  if (decision.kind === 'open')
    return { kind: 'unknown', because: `virtual host ${host.name} chooses its routes by a tree of matchers: ${decision.why}` };
  if (decision.kind === 'none') {
    const text = 'its tree of matchers leads to no route';
    note(passage, { kind: 'route', name: '', text, details: decision.failed }, host.metadata);
    return undefined;
  }
  const { typedConfig: config, name } = decision.action;
  const one = typedConfig(RouteSchema, config);
  const routes = one === undefined ? typedConfig(RouteListSchema, config)?.routes : [one];
  if (routes === undefined)
    return { kind: 'unknown', because: `its tree of matchers leads to ${name}, which is no route that is read here` };
  const { route, passed } = chooseRoute({ routes }, headers, passage);
  const details = passed.map(({ failed }) => `${failed.wanted} is asked for, and the request has ${failed.given}`);
  const way = decision.because.join(', ');
  const text =
    route === undefined
      ? `its tree of matchers leads to routes for ${way}, and none of them takes the request`
      : `the tree of matchers leads to its route, for ${way === '' ? 'everything' : way}: ${routeWanted(route.match)}`;
  note(passage, { kind: 'route', name: route?.name ?? '', text, details }, route?.metadata ?? host.metadata);
  return route;
}
