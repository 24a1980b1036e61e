// Which route of a virtual host takes a request: the first all of whose conditions hold; and of those before it, which came nearest.

import type { Route, RouteMatch, VirtualHost } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import type { MetadataMatcher } from '../../gen/envoy/type/matcher/v3/metadata_pb.js';
import { UriTemplateMatchConfigSchema } from '../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { headerGiven, headerMatches, headerWanted, queryGiven, queryMatches, queryWanted } from './header-match.ts';
import { isGrpc, methodOf, pathOf, type Headers } from './headers.ts';
import { fraction, percentText, type Passage } from './passage.ts';
import { matchTemplate } from './path-template.ts';
import { matchesWhole } from './regex.ts';
import { doubtOf } from './request.ts';
import { typedConfig } from './typed-config.ts';
import { claimsMetadata, metadataMatches, metadataWanted } from './value-match.ts';

/** A condition of a route that a request does not meet. */
export interface FailedCondition {
  readonly wanted: string;
  readonly given: string;
}

export interface Passed {
  readonly route: Route;
  readonly index: number;
  readonly failed: FailedCondition;
  /** How many conditions were met before it. */
  readonly met: number;
}

export interface RouteChoice {
  readonly route: Route | undefined;
  readonly index: number;
  /** Those before it, in order. */
  readonly passed: readonly Passed[];
}

export function chooseRoute({ routes }: Pick<VirtualHost, 'routes'>, headers: Headers, passage: Passage): RouteChoice {
  const passed: Passed[] = [];
  for (const [index, route] of routes.entries()) {
    const result = firstFailed(route.match, headers, passage);
    if (result.failed === undefined) return { route, index, passed };
    passed.push({ route, index, failed: result.failed, met: result.met });
  }
  return { route: undefined, index: routes.length, passed };
}

/** The one that met most conditions; of several the first. */
export const nearestRoute = (passed: readonly Passed[]): Passed | undefined =>
  passed.reduce<Passed | undefined>((best, each) => (best === undefined || each.met > best.met ? each : best), undefined);

interface Checked {
  readonly failed: FailedCondition | undefined;
  readonly met: number;
}

type Condition = () => FailedCondition | undefined;

function firstFailed(match: RouteMatch | undefined, headers: Headers, passage: Passage): Checked {
  if (match === undefined) return { failed: { wanted: 'a match, which the route lacks', given: 'nothing' }, met: 0 };
  let met = 0;
  for (const condition of conditionsOf(match, headers, passage)) {
    const failed = condition();
    if (failed !== undefined) return { failed, met };
    met++;
  }
  return { failed: undefined, met };
}

/** All hold or the route is passed over; chance is asked last, so that it decides only what nothing else does. */
function conditionsOf(match: RouteMatch, headers: Headers, passage: Passage): Condition[] {
  const fails = (ok: boolean, wanted: string, given: string) => (ok ? undefined : { wanted, given });
  const { grpc, tlsContext, runtimeFraction } = match;
  return [
    () => (pathMatches(match, headers) ? undefined : { wanted: pathWanted(match), given: pathGiven(headers) }),
    ...(grpc === undefined ? [] : [() => fails(isGrpc(headers), 'a gRPC request', 'another')]),
    ...match.headers.map((each) => () => fails(headerMatches(each, headers), headerWanted(each), headerGiven(each, headers))),
    ...match.queryParameters.map(
      (each) => () => fails(queryMatches(each, headers), queryWanted(each), queryGiven(each, headers)),
    ),
    ...(tlsContext === undefined
      ? []
      : [
          () => fails(tlsMatches(tlsContext, passage), tlsWanted(tlsContext), passage.ended?.identity ?? 'no client certificate'),
        ]),
    ...match.dynamicMetadata.map((each) => () => fails(metadataHolds(each, passage), metadataWanted(each), 'no such metadata')),
    ...(runtimeFraction?.defaultValue === undefined
      ? []
      : [
          () => {
            const share = fraction(runtimeFraction.defaultValue);
            return fails(passage.chance.happens(share), `${percentText(share)} of requests`, 'one of the others');
          },
        ]),
  ];
}

function metadataHolds(matcher: MetadataMatcher, { metadata, claimsUnsure, request }: Passage): boolean {
  const doubt = claimsUnsure && matcher.filter === claimsMetadata ? doubtOf(request) : undefined;
  return doubt === undefined ? metadataMatches(matcher, metadata) : doubt.holds(metadataWanted(matcher));
}

function pathMatches({ pathSpecifier, caseSensitive = true }: RouteMatch, headers: Headers): boolean {
  const isConnect = methodOf(headers) === 'CONNECT';
  if (pathSpecifier.case === 'connectMatcher') return isConnect;
  const path = pathOf(headers);
  // A CONNECT has no path, but where it asks for a protocol to go on with.
  if (path === '') return false;
  const fold = (text: string): string => (caseSensitive ? text : text.toLowerCase());
  switch (pathSpecifier.case) {
    case 'prefix':
      return fold(path).startsWith(fold(pathSpecifier.value));
    case 'path':
      return fold(path) === fold(pathSpecifier.value);
    case 'pathSeparatedPrefix': {
      const [folded, prefix] = [fold(path), fold(pathSpecifier.value)];
      return folded.startsWith(prefix) && (folded.length === prefix.length || folded[prefix.length] === '/');
    }
    case 'safeRegex':
      return matchesWhole(pathSpecifier.value.regex, path) === true;
    case 'pathMatchPolicy': {
      const template = typedConfig(UriTemplateMatchConfigSchema, pathSpecifier.value.typedConfig)?.pathTemplate;
      return template !== undefined && matchTemplate(template, path) !== undefined;
    }
    case undefined:
      return false;
  }
}

const pathGiven = (headers: Headers): string => (pathOf(headers) === '' ? 'no path' : `path "${pathOf(headers)}"`);

function pathWanted({ pathSpecifier, caseSensitive = true }: RouteMatch): string {
  const any = caseSensitive ? '' : ' (in any case)';
  switch (pathSpecifier.case) {
    case 'prefix':
      return pathSpecifier.value === '/' ? 'any path' : `a path that begins with "${pathSpecifier.value}"${any}`;
    case 'path':
      return `path "${pathSpecifier.value}"${any}`;
    case 'pathSeparatedPrefix':
      return `path "${pathSpecifier.value}" or one below it${any}`;
    case 'safeRegex':
      return `a path that matches ${pathSpecifier.value.regex}`;
    case 'connectMatcher':
      return 'a CONNECT request';
    case 'pathMatchPolicy':
      return `path ${typedConfig(UriTemplateMatchConfigSchema, pathSpecifier.value.typedConfig)?.pathTemplate ?? pathSpecifier.value.name}`;
    case undefined:
      return 'nothing';
  }
}

/** All conditions of a route in words. */
export function routeWanted(match: RouteMatch | undefined): string {
  if (match === undefined) return 'nothing';
  const words = [
    pathWanted(match),
    ...(match.grpc === undefined ? [] : ['gRPC']),
    ...match.headers.map(headerWanted),
    ...match.queryParameters.map(queryWanted),
    ...(match.tlsContext === undefined ? [] : [tlsWanted(match.tlsContext)]),
    ...match.dynamicMetadata.map(metadataWanted),
    ...(match.runtimeFraction?.defaultValue === undefined
      ? []
      : [`${percentText(fraction(match.runtimeFraction.defaultValue))} of requests`]),
  ];
  return words.length > 1 && words[0] === 'any path' ? words.slice(1).join(', ') : words.join(', ');
}

type TlsContext = NonNullable<RouteMatch['tlsContext']>;

function tlsMatches({ presented, validated }: TlsContext, { ended }: Passage): boolean {
  const shown = ended?.identity !== undefined;
  return (presented === undefined || presented === shown) && (validated === undefined || validated === shown);
}

const tlsWanted = ({ presented, validated }: TlsContext): string =>
  presented === false || validated === false ? 'no client certificate' : 'a client certificate';

/** Whether all conditions of a match hold: for filters that have rules of their own. */
export const routeMatches = (match: RouteMatch | undefined, headers: Headers, passage: Passage): boolean =>
  firstFailed(match, headers, passage).failed === undefined;
