// HTTPRoute: how HTTP requests at a Gateway or in the mesh are routed (Gateway API).

import type { Static } from 'typebox';
import { milliseconds } from '../../lib/duration.ts';
import { error } from '../finding.ts';
import { defineKind, type Check, type Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { re2Problem } from '../re2.ts';
import { bool, choice, list, message, numberChoice, pattern, text, textOf, whole } from '../schema.ts';
import { each } from '../shared/values.ts';
import { checkFilters, headerName, sharedFilters } from './header-filter.ts';
import {
  backendFields,
  commonRoute,
  gatewayApi,
  gatewayDuration,
  hostname,
  objectName,
  port,
  preciseHostname,
  sectionName,
  Status,
} from './reference.ts';

const matchType = choice('Exact', 'RegularExpression');

const HTTPPathMatch = message(
  {},
  { type: choice('Exact', 'PathPrefix', 'RegularExpression'), value: textOf({ maxLength: 1024 }) },
);
const HTTPHeaderMatch = message({ name: headerName, value: textOf({ minLength: 1, maxLength: 4096 }) }, { type: matchType });
const HTTPQueryParamMatch = message({ name: headerName, value: textOf({ minLength: 1, maxLength: 1024 }) }, { type: matchType });

const HTTPRouteMatch = message(
  {},
  {
    path: HTTPPathMatch,
    headers: list(HTTPHeaderMatch, { maxItems: 16 }),
    queryParams: list(HTTPQueryParamMatch, { maxItems: 16 }),
    method: choice('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'),
  },
);
export type HTTPRouteMatch = Static<typeof HTTPRouteMatch>;

const pathText = textOf({ maxLength: 1024 });
const HTTPPathModifier = message(
  { type: choice('ReplaceFullPath', 'ReplacePrefixMatch') },
  { replaceFullPath: pathText, replacePrefixMatch: pathText },
);

const origin = pattern(String.raw`^\*$|^[a-zA-Z][a-zA-Z0-9+.\-]*:\/\/[^\s\/]+$`, 'an origin such as https://example.com, or *', {
  minLength: 1,
  maxLength: 253,
});

const HTTPCORSFilter = message(
  {},
  {
    allowOrigins: list(origin, { maxItems: 64 }),
    allowCredentials: bool,
    allowMethods: list(text, { maxItems: 9 }),
    allowHeaders: list(text, { maxItems: 64 }),
    exposeHeaders: list(text, { maxItems: 64 }),
    maxAge: whole({ minimum: 1, maximum: 2_147_483_647 }),
  },
);

const HTTPRouteFilter = message(
  {
    type: choice(
      'RequestHeaderModifier',
      'ResponseHeaderModifier',
      'RequestMirror',
      'RequestRedirect',
      'URLRewrite',
      'CORS',
      'ExtensionRef',
    ),
  },
  {
    ...sharedFilters,
    requestRedirect: message(
      {},
      {
        scheme: choice('http', 'https'),
        hostname: preciseHostname,
        path: HTTPPathModifier,
        port,
        statusCode: numberChoice(301, 302, 303, 307, 308),
      },
    ),
    urlRewrite: message({}, { hostname: preciseHostname, path: HTTPPathModifier }),
    cors: HTTPCORSFilter,
  },
);
export type HTTPRouteFilter = Static<typeof HTTPRouteFilter>;

const filters = list(HTTPRouteFilter, { maxItems: 16 });

const HTTPRouteRule = message(
  {},
  {
    name: sectionName,
    matches: list(HTTPRouteMatch, { maxItems: 64 }),
    filters,
    backendRefs: list(message({ name: objectName }, { ...backendFields, filters }), { maxItems: 16 }),
    timeouts: message({}, { request: gatewayDuration, backendRequest: gatewayDuration }),
  },
);
export type HTTPRouteRule = Static<typeof HTTPRouteRule>;

const Spec = message(
  {},
  { ...commonRoute, hostnames: list(hostname, { maxItems: 16 }), rules: list(HTTPRouteRule, { minItems: 1, maxItems: 16 }) },
);

const schema = message({ spec: Spec }, { status: Status });
export type GatewayApiHTTPRoute = Static<typeof schema>;

const rules: Check<GatewayApiHTTPRoute> = ({ spec }) =>
  each(spec.rules, ['spec', 'rules'], (rule, path) => [
    ...each(rule.matches, [...path, 'matches'], checkMatch),
    ...checkFilters(rule.filters ?? [], [...path, 'filters']),
    ...each(rule.backendRefs, [...path, 'backendRefs'], (backend, place) =>
      checkFilters(backend.filters ?? [], [...place, 'filters']),
    ),
    ...checkPrefixes(rule, path),
  ]);

function checkMatch({ path: matched, headers = [], queryParams = [] }: HTTPRouteMatch, path: Path): Finding[] {
  const findings: Finding[] = [];
  const value = matched?.value ?? '/';
  if (matched?.type === 'RegularExpression') findings.push(...checkExpression(value, [...path, 'path', 'value']));
  else if (!value.startsWith('/') || /\/\/|\/\.\.?(?:\/|$)|%2[fF]|#/.test(value)) {
    findings.push(
      error(
        'LAT1804',
        [...path, 'path', 'value'],
        `${JSON.stringify(value)} is not a plain absolute path`,
        'begin it with /, without // . .. %2f #',
      ),
    );
  }
  for (const [field, given] of Object.entries({ headers, queryParams })) {
    for (const [index, { type, value: text }] of given.entries()) {
      if (type === 'RegularExpression') findings.push(...checkExpression(text, [...path, field, index, 'value']));
    }
  }
  return findings;
}

function checkExpression(source: string, path: Path): Finding[] {
  const problem = re2Problem(source);
  return problem === undefined ? [] : [error('LAT1024', path, `the regular expression ${problem}`, 'write it as RE2 takes it')];
}

/** Replacing a prefix needs one match, by prefix; redirecting leaves nothing for backends. */
function checkPrefixes({ filters: given = [], matches = [], backendRefs = [], timeouts }: HTTPRouteRule, path: Path): Finding[] {
  const findings: Finding[] = [];
  for (const [index, filter] of given.entries()) {
    const modifier = (filter.requestRedirect ?? filter.urlRewrite)?.path;
    const byPrefix = matches.length <= 1 && (matches[0]?.path?.type ?? 'PathPrefix') === 'PathPrefix';
    if (modifier?.type === 'ReplacePrefixMatch' && !byPrefix) {
      const help = 'give the rule exactly one match, of type PathPrefix';
      findings.push(error('LAT1804', [...path, 'filters', index], 'ReplacePrefixMatch needs one match by prefix', help));
    }
    if (filter.type === 'RequestRedirect' && backendRefs.length > 0) {
      findings.push(
        error(
          'LAT1803',
          [...path, 'backendRefs'],
          'a redirected request reaches no backend',
          'remove backendRefs or the redirect',
        ),
      );
    }
  }
  const { request, backendRequest } = timeouts ?? {};
  if (request !== undefined && backendRequest !== undefined)
    findings.push(...checkTimeouts(request, backendRequest, [...path, 'timeouts']));
  return findings;
}

function checkTimeouts(request: string, backendRequest: string, path: Path): Finding[] {
  const whole = milliseconds(request);
  if (whole === 0 || milliseconds(backendRequest) <= whole) return [];
  return [
    error(
      'LAT1804',
      [...path, 'backendRequest'],
      `${backendRequest} is longer than the whole request's ${request}`,
      'shorten it',
    ),
  ];
}

export const gatewayApiHttpRoute = defineKind({
  ...gatewayApi,
  kind: 'HTTPRoute',
  versions: ['v1', 'v1beta1'],
  plural: 'httproutes',
  scope: 'namespaced',
  schema,
  checks: [rules],
  columns: [{ name: 'Hostnames', path: ['spec', 'hostnames'] }],
});
