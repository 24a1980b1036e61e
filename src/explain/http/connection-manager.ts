// A request through an HTTP connection manager: arrival, virtual host, route, filters, and what the route makes of it.

import type { Route, VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { VirtualHost_TlsRequirementType } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { HttpConnectionManager } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RouterSchema } from '../../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { nearest } from '../../api/suggestion.ts';
import type { Answered, Outcome } from '../explanation.ts';
import { hostAsked, virtualHostFor } from '../domains.ts';
import { changed, responseChanges, type HeaderLists } from '../header-changes.ts';
import { authorityOf, fullPathOf, headersOf, headerValue, type Headers } from '../headers.ts';
import { originsOf } from '../origins.ts';
import { note, type Passage } from '../passage.ts';
import type { HttpRequest } from '../request.ts';
import { pathOnceRedirected, redirected } from '../rewrite.ts';
import { chooseRoute, nearestRoute, routeMatches, routeWanted, type Passed } from '../route-match.ts';
import { arrive } from './arrival.ts';
import { answer, type Exchange } from './exchange.ts';
import { passFilters } from './filters.ts';
import { responseMutations } from './header-mutation.ts';
import { hostMeaning } from '../istio-names.ts';
import { typedConfig } from '../typed-config.ts';
import { routeByTree } from './route-tree.ts';
import { computesName } from './clusters.ts';
import { repliedTo } from './local-reply.ts';
import { send } from './send.ts';
import { filtersFor } from './upgrade.ts';

export function manageHttp(manager: HttpConnectionManager, request: HttpRequest, passage: Passage): Outcome {
  const headers = arrive(manager, request, passage);
  if (!(headers instanceof Map)) return repliedTo(manager, headersOf(request), headers, passage);
  const table = tableOf(manager, passage);
  if (typeof table === 'string') return { kind: 'unknown', because: table };
  const exchange = routed(table, { passage, headers, filters: manager.httpFilters, tells: tells(manager) });
  const outcome = 'kind' in exchange ? exchange : passed(manager, exchange);
  return repliedTo(manager, headers, outcome, passage);
}

function passed(manager: HttpConnectionManager, exchange: Exchange): Outcome {
  const filters = filtersFor(manager, exchange);
  if ('kind' in filters) return answeredBy(exchange, filters);
  const own = { ...exchange, filters };
  const refused = passFilters(own);
  return answeredBy(own, refused === undefined ? act(own) : withRouteHeaders(own, refused));
}

/** Envoy gives what filters answer the response headers of a route that would have led somewhere. A preflight is no such answer. */
function withRouteHeaders(exchange: Exchange, outcome: Answered): Answered {
  const { route } = exchange;
  if (route?.action.case !== 'route' || outcome.because === 'cors_response') return outcome;
  const { clusterSpecifier: specifier } = route.action.value;
  const drawn = specifier.case === 'weightedClusters' ? specifier.value.clusters.filter(({ weight }) => weight !== 0) : [];
  // Of several, chance draws one.
  const weighted = drawn.length === 1 ? drawn : [];
  return { ...outcome, headers: answered(exchange, [...weighted, route], outcome.headers) };
}

const tells = ({ httpFilters }: HttpConnectionManager): boolean =>
  httpFilters.every(({ configType }) => {
    const router = configType.case === 'typedConfig' ? typedConfig(RouterSchema, configType.value) : undefined;
    return router?.suppressEnvoyHeaders !== true;
  });

function tableOf({ routeSpecifier }: HttpConnectionManager, { configuration, missing }: Passage): RouteConfiguration | string {
  switch (routeSpecifier.case) {
    case 'routeConfig':
      return routeSpecifier.value;
    case 'rds': {
      const name = routeSpecifier.value.routeConfigName;
      const table = configuration.route(name);
      if (table !== undefined) return table;
      missing.add(`Route table ${name} is not in the configuration at hand.`);
      return `route table ${name} is not in the configuration at hand`;
    }
    default:
      return 'the listener chooses its routes by scopes, which are not read here';
  }
}

/** With what filters make of an answer that the proxy gives itself. */
const answeredBy = (exchange: Exchange, outcome: Outcome): Outcome =>
  outcome.kind === 'answered'
    ? { ...outcome, headers: changed(outcome.headers, responseMutations(exchange, exchange.headers)) }
    : outcome;

/** The virtual host and route of a request, noted. */
function routed(
  table: RouteConfiguration,
  arrived: Pick<Exchange, 'passage' | 'headers' | 'filters' | 'tells'>,
): Exchange | Outcome {
  const { passage, headers } = arrived;
  const chosen = virtualHostFor(table, authorityOf(headers));
  if (chosen === undefined) {
    const asked = hostAsked(table, authorityOf(headers));
    const known = table.virtualHosts.flatMap(({ domains }) => domains);
    const guess = nearest(asked, known);
    const details = guess === undefined ? namesText(known) : [`the nearest is ${guess}`];
    note(passage, {
      kind: 'virtual host',
      name: '',
      text: `no virtual host of route table ${table.name} is for ${asked}`,
      details,
    });
    return { ...arrived, table, host: undefined, route: undefined };
  }
  const { host, domain } = chosen;
  note(
    passage,
    {
      kind: 'virtual host',
      name: host.name,
      text: `host ${authorityOf(headers)} means virtual host ${host.name} of route table ${table.name}`,
      details: [domain === '*' ? 'it takes every host that no other takes' : `by its domain ${domain}`],
    },
    host.metadata,
  );
  if (host.requireTls !== VirtualHost_TlsRequirementType.NONE && headerValue(headers, 'x-forwarded-proto') !== 'https') {
    const secured = `https://${authorityOf(headers)}${fullPathOf(headers)}`;
    note(passage, { kind: 'route', name: '', text: `it wants TLS: callers without it are sent to ${secured}` }, host.metadata);
    // What the virtual host says to filters does not count for this answer.
    return { ...arrived, table: undefined, host: undefined, route: undefined, secured };
  }
  if (host.matcher !== undefined) {
    const route = routeByTree(host, host.matcher, headers, passage);
    return route !== undefined && 'kind' in route ? route : { ...arrived, table, host, route };
  }
  const { route, index, passed } = chooseRoute(host, headers, passage);
  const details = [...passed.map((each) => passedText(each, passage)), ...shadowed(host, index, headers, passage)];
  if (route === undefined) {
    const near = nearestRoute(passed);
    const several = passed.length === 1 ? 'its only route does not take' : `none of its ${passed.length} routes takes`;
    const text = near === undefined ? 'it has no routes' : `${several} the request`;
    const origins = near === undefined ? [] : originsOf(near.route.metadata, passage.locate);
    note(passage, { kind: 'route', name: near?.route.name ?? '', text, details, origins, considered: true });
  } else {
    const which = host.routes.length === 1 ? 'its only route' : `route ${index + 1} of ${host.routes.length}`;
    note(passage, { kind: 'route', name: route.name, text: `${which} takes it: ${wantedText(route)}`, details }, route.metadata);
  }
  return { ...arrived, table, host, route };
}

const namesText = (names: readonly string[]): string[] =>
  names.length === 0
    ? ['it has no hosts at all']
    : [`its hosts are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`];

/** Routes that would take the request as well, had none before them; one for everything says nothing. */
function shadowed({ routes }: VirtualHost, taken: number, headers: Headers, passage: Passage): string[] {
  // What they ask for decides nothing, so nothing is to be taken of it.
  if (headers.doubt !== undefined) return [];
  return routes.flatMap((route, index) => {
    const { match } = route;
    if (index <= taken || match?.runtimeFraction !== undefined || routeWanted(match) === 'any path') return [];
    return routeMatches(match, headers, passage)
      ? [`${routeName(route, index, passage)} would take it too, and stands behind`]
      : [];
  });
}

function routeName(route: Route, index: number, passage: Passage): string {
  const [origin] = originsOf(route.metadata, passage.locate);
  const words = origin === undefined ? [route.name] : [origin.object, origin.path, origin.place ?? ''];
  const name = words.filter((word) => word !== '').join(' ');
  return `route ${index + 1}${name === '' ? '' : ` (${name})`}`;
}

/** `route 1 (VirtualService/default/reviews spec.http[0]) wants header x-user "jason"; the request has no header x-user`. */
const passedText = ({ route, index, failed }: Passed, passage: Passage): string =>
  `${routeName(route, index, passage)} wants ${computesName(route) ? wantedText(route) : failed.wanted}; the request has ${failed.given}`;

/** Computed routes ask for their hosts by an expression that nobody wants to read. */
const wantedText = (route: Route): string =>
  computesName(route) ? 'a host of the mesh, which says the cluster’s name' : routeWanted(route.match);

function act(exchange: Exchange): Outcome {
  const { passage, route, host, secured } = exchange;
  if (secured !== undefined) {
    note(passage, { kind: 'route', name: '', text: `the caller is sent to ${secured}`, effect: 'ends' });
    return answer(301, '', 'direct_response', { headers: [['location', secured]] });
  }
  if (route === undefined) {
    note(passage, { kind: 'http', name: 'router', text: 'so the answer is 404', effect: 'ends' });
    return answer(404, 'NR', 'route_not_found');
  }
  switch (route.action.case) {
    case 'route':
      return send(exchange, route, route.action.value);
    case 'redirect': {
      const { status, location } = redirected(route, route.action.value, exchange.headers);
      note(
        passage,
        { kind: 'route', name: route.name, text: `it redirects the caller to ${location} (${status})`, effect: 'ends' },
        route.metadata,
      );
      // In the request itself, as Envoy does it: formats and mutations of the answer read it.
      const { headers } = exchange;
      const [old, path] = [fullPathOf(headers), pathOnceRedirected(route, route.action.value, headers)];
      if (exchange.tells && path !== old) headers.set('x-envoy-original-path', [old]);
      headers.set(':path', [path]);
      return answer(status, '', 'direct_response', { headers: answered(exchange, [route], [['location', location]]) });
    }
    case 'directResponse': {
      const { status, body } = route.action.value;
      const text =
        body?.specifier.case === 'inlineString'
          ? body.specifier.value
          : body?.specifier.case === 'inlineBytes'
            ? new TextDecoder().decode(body.specifier.value)
            : '';
      note(
        passage,
        {
          kind: 'route',
          name: route.name,
          text: `${host === undefined ? '' : meaning(host.name)}it answers ${status} itself`,
          effect: 'ends',
        },
        route.metadata,
      );
      return answer(status, '', 'direct_response', { body: text, headers: answered(exchange, [route], []) });
    }
    default:
      return { kind: 'unknown', because: 'the route has an action that is not read here' };
  }
}

const meaning = (name: string): string => (hostMeaning(name) === undefined ? '' : `${hostMeaning(name)}: `);

/** Headers of an answer after what the route and those around it do to them. */
const answered = (
  { host, table, headers, passage }: Exchange,
  routes: readonly HeaderLists[],
  given: Answered['headers'],
): Answered['headers'] =>
  changed(
    given,
    responseChanges(
      [...routes, host, table].filter((each) => each !== undefined),
      { headers, passage },
    ),
  );
