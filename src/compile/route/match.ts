// A rule's conditions on a request → Envoy's route match.

import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Init } from '../../filters/any.ts';
import { stringMatcher } from '../../filters/matcher.ts';
import { claimMatcher } from '../../filters/rbac/token.ts';
import type { HttpMatch, StringMatch } from '../../mesh/route.ts';

type RouteMatch = Init<typeof RouteMatchSchema>;
type HeaderMatcher = Init<typeof HeaderMatcherSchema>;

/** Every request. */
export const anyRequest: RouteMatch = { pathSpecifier: { case: 'prefix', value: '/' } };

export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return anyRequest;
  const [claims, named] = parted(match.headers);
  const [withoutClaims, without] = parted(match.withoutHeaders);
  const headers: HeaderMatcher[] = [
    ...named.map(([name, condition]) => headerMatcher(name, condition)),
    ...without.map(([name, condition]) => ({
      ...headerMatcher(name, condition),
      invertMatch: true,
      // "Without a header that is x" holds for a request that has no such header at all.
      ...(condition.kind !== 'present' && { treatMissingHeaderAsEmpty: true }),
    })),
    ...pseudoHeader(':method', match.method),
    ...pseudoHeader(':authority', match.authority),
    ...pseudoHeader(':scheme', match.scheme),
  ];
  const dynamicMetadata = [
    ...claims.map(([name, condition]) => claimMatcher(claimOf(name), stringMatcher(condition))),
    ...withoutClaims.map(([name, condition]) => ({ ...claimMatcher(claimOf(name), stringMatcher(condition)), invert: true })),
  ];
  return {
    ...pathMatch(match),
    ...(dynamicMetadata.length > 0 && { dynamicMetadata }),
    ...(headers.length > 0 && { headers }),
    ...(match.queryParams.length > 0 && {
      queryParameters: match.queryParams.map(([name, condition]) => queryMatcher(name, condition)),
    }),
  };
}

type Named = HttpMatch['headers'];

const claimPrefix = '@request.auth.claims';

/** What is asked of the request's token, and what of its headers. */
const parted = (conditions: Named): readonly [claims: Named, headers: Named] => [
  conditions.filter(([name]) => name.startsWith(claimPrefix)),
  conditions.filter(([name]) => !name.startsWith(claimPrefix)),
];

/** `@request.auth.claims.a.b` and `@request.auth.claims[a][b]` → `a`, `b`; between brackets names may hold dots. */
function claimOf(name: string): string[] {
  const path = name.slice(claimPrefix.length);
  return path.split(path.startsWith('[') ? /[[\]]+/ : '.').filter((step) => step !== '');
}

function pathMatch({ uri, ignoreUriCase }: HttpMatch): RouteMatch {
  const caseSensitive = ignoreUriCase ? { caseSensitive: false } : {};
  switch (uri?.kind) {
    case 'exact':
      return { pathSpecifier: { case: 'path', value: uri.value }, ...caseSensitive };
    case 'prefix':
      return { pathSpecifier: { case: 'prefix', value: uri.value }, ...caseSensitive };
    case 'segments':
      return { pathSpecifier: { case: 'pathSeparatedPrefix', value: uri.value }, ...caseSensitive };
    case 'regex':
      return { pathSpecifier: { case: 'safeRegex', value: { regex: uri.value } } };
    default:
      return { ...anyRequest, ...caseSensitive };
  }
}

const pseudoHeader = (name: string, condition: StringMatch | undefined): HeaderMatcher[] =>
  condition === undefined ? [] : [headerMatcher(name, condition)];

function headerMatcher(name: string, condition: StringMatch): HeaderMatcher {
  if (condition.kind === 'present') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: stringMatcher(condition) } };
}

function queryMatcher(name: string, condition: StringMatch): Init<typeof QueryParameterMatcherSchema> {
  if (condition.kind === 'present') return { name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, queryParameterMatchSpecifier: { case: 'stringMatch', value: stringMatcher(condition) } };
}

/** Whether a rule's conditions hold for every request: nothing after it is ever reached. */
export function matchesEverything(match: HttpMatch | undefined): boolean {
  if (match === undefined) return true;
  const { uri } = match;
  const path =
    uri === undefined ||
    uri.kind === 'present' ||
    (uri.kind === 'prefix' && uri.value === '/') ||
    (uri.kind === 'regex' && (uri.value === '*' || uri.value === '.*'));
  const conditions = [match.headers, match.withoutHeaders, match.queryParams].every((list) => list.length === 0);
  return path && conditions && match.method === undefined && match.authority === undefined && match.scheme === undefined;
}
