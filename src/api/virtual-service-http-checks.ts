// Rules for one HTTP rule of a VirtualService: that it has one action, and that each part of it can be carried out.

import { milliseconds } from '../lib/duration.ts';
import { error, warning } from './finding.ts';
import type { Finding } from './kind.ts';
import { isHeaderName } from './names.ts';
import type { Path } from './object.ts';
import { checkDestination, checkWeights } from './shared/destination-checks.ts';
import { checkRetries } from './shared/http-retry.ts';
import { checkDuration, checkRegex, checkStringMatch, each } from './shared/values.ts';
import { checkFault } from './virtual-service-fault-checks.ts';
import { checkMatch } from './virtual-service-match-checks.ts';
import type {
  CorsPolicy,
  HeaderOperations,
  Headers,
  HTTPDirectResponse,
  HTTPRedirect,
  HTTPRoute,
} from './virtual-service-http.ts';

/** What of its VirtualService a rule is judged by. */
export interface Surroundings {
  readonly onlyGateways: boolean;
  /** The VirtualService has no hosts: others delegate to it. */
  readonly isDelegate: boolean;
}

export function checkHttpRoute(route: HTTPRoute, path: Path, surroundings: Surroundings): Finding[] {
  return [
    ...each(route.match, [...path, 'match'], (match, place) => checkMatch(match, place, surroundings.onlyGateways)),
    ...checkAction(route, path, surroundings),
    ...checkDestinations(route, path),
    ...(route.redirect ? checkRedirect(route.redirect, route, [...path, 'redirect']) : []),
    ...(route.directResponse ? checkDirectResponse(route.directResponse, [...path, 'directResponse']) : []),
    ...checkRewrite(route, [...path, 'rewrite']),
    ...checkTimeout(route.timeout, [...path, 'timeout']),
    ...checkRetries(route.retries, [...path, 'retries']),
    ...checkFault(route.fault, [...path, 'fault']),
    ...checkMirrors(route, path),
    ...checkCors(route.corsPolicy, [...path, 'corsPolicy']),
    ...checkHeaders(route.headers, [...path, 'headers']),
  ];
}

const actions = ['route', 'redirect', 'directResponse', 'delegate'] as const;

function checkAction(route: HTTPRoute, path: Path, { isDelegate }: Surroundings): Finding[] {
  const given = actions.filter((action) => (action === 'route' ? (route.route ?? []).length > 0 : route[action] !== undefined));
  const findings: Finding[] = [];
  const [action] = given;
  if (action === undefined) {
    findings.push(error('LAT1103', path, 'the rule does nothing', 'give it route, redirect, directResponse or delegate'));
  } else if (given.length > 1) {
    findings.push(error('LAT1103', path, `${given.join(' and ')} exclude each other`, 'keep one of them'));
  }
  for (const other of ['fault', 'rewrite'] as const) {
    // What stands beside a delegate is for the delegate's rules that have none of their own.
    if (route[other] === undefined || action === undefined || action === 'route' || action === 'delegate') continue;
    findings.push(error('LAT1103', [...path, other], `${other} cannot stand beside ${action}`, `remove ${other}`));
  }
  if (route.delegate !== undefined) {
    const place = [...path, 'delegate'];
    if (isDelegate)
      findings.push(error('LAT1104', place, 'a delegate cannot delegate further', 'route here, or delegate from the root'));
    if (!route.delegate.name) findings.push(error('LAT1104', place, 'the delegate has no name', 'name a VirtualService'));
  }
  return findings;
}

const checkDestinations = ({ route = [] }: HTTPRoute, path: Path): Finding[] => [
  ...each(route, [...path, 'route'], ({ destination, headers }, place) => [
    ...checkDestination(destination, [...place, 'destination']),
    ...checkHeaders(headers, [...place, 'headers']),
  ]),
  ...checkWeights(route, [...path, 'route']),
];

function checkRedirect(redirect: HTTPRedirect, route: HTTPRoute, path: Path): Finding[] {
  const findings: Finding[] = [];
  const { uri, authority, scheme, port, derivePort, prefixRewrite, redirectCode } = redirect;
  if (!uri && !authority && !scheme && !prefixRewrite && port === undefined && derivePort === undefined) {
    findings.push(
      error('LAT1105', path, 'the redirect leads back to the request', 'give it uri, authority, scheme, port or prefixRewrite'),
    );
  }
  if (uri && prefixRewrite) findings.push(error('LAT1105', path, 'uri and prefixRewrite exclude each other', 'keep one of them'));
  if (port !== undefined && derivePort !== undefined) {
    findings.push(error('LAT1105', path, 'port and derivePort exclude each other', 'keep one of them'));
  }
  if (prefixRewrite && !(route.match ?? []).every(({ uri: match }) => match?.prefix !== undefined)) {
    const help = 'match the uri of each by prefix';
    findings.push(error('LAT1105', [...path, 'prefixRewrite'], 'prefixRewrite needs matches that say which prefix', help));
  }
  if (scheme && scheme !== 'http' && scheme !== 'https') {
    findings.push(error('LAT1105', [...path, 'scheme'], `${scheme} is not a scheme to redirect to`, 'use http or https'));
  }
  if (redirectCode !== undefined && (redirectCode < 300 || redirectCode > 399)) {
    findings.push(
      error('LAT1105', [...path, 'redirectCode'], `${redirectCode} is not a redirection`, 'use 301, 302, 303, 307 or 308'),
    );
  } else if (redirectCode && ![301, 302, 303, 307, 308].includes(redirectCode)) {
    findings.push(
      error('LAT1105', [...path, 'redirectCode'], `Envoy cannot answer ${redirectCode}`, 'use 301, 302, 303, 307 or 308'),
    );
  }
  return findings;
}

const largeBody = 100 * 1024;
const largestBody = 1024 * 1024;

function checkDirectResponse({ status, body }: HTTPDirectResponse, path: Path): Finding[] {
  const findings: Finding[] = [];
  if (status < 200 || status > 599) {
    findings.push(error('LAT1106', [...path, 'status'], `${status} is not a status to answer with`, 'use 200 to 599'));
  }
  if (body === undefined) return findings;
  const place = [...path, 'body'];
  if (body.string !== undefined && body.bytes !== undefined) {
    findings.push(error('LAT1106', place, 'string and bytes exclude each other', 'keep one of them'));
  }
  const size = body.bytes === undefined ? Buffer.byteLength(body.string ?? '') : Buffer.byteLength(body.bytes, 'base64');
  if (size > largestBody)
    findings.push(error('LAT1106', place, `the body has ${size} bytes, 1 MiB at most is allowed`, 'shorten it'));
  else if (size > largeBody) {
    findings.push(warning('LAT1107', place, `the body has ${size} bytes, kept by every proxy`, 'serve it from a service'));
  }
  return findings;
}

function checkRewrite({ rewrite }: HTTPRoute, path: Path): Finding[] {
  if (rewrite === undefined) return [];
  const { uri, authority, uriRegexRewrite } = rewrite;
  if (!uri && !authority && uriRegexRewrite === undefined) {
    return [error('LAT1109', path, 'the rewrite changes nothing', 'give it uri, authority or uriRegexRewrite')];
  }
  if (uriRegexRewrite === undefined) return [];
  const place = [...path, 'uriRegexRewrite'];
  if (uri) return [error('LAT1109', path, 'uri and uriRegexRewrite exclude each other', 'keep one of them')];
  if (!uriRegexRewrite.match || uriRegexRewrite.rewrite === undefined) {
    return [error('LAT1109', place, 'needs both match and rewrite', 'give both')];
  }
  return checkRegex(uriRegexRewrite.match, [...place, 'match']);
}

/** Zero turns the timeout off. */
const checkTimeout = (timeout: string | undefined, path: Path): Finding[] =>
  timeout === undefined || milliseconds(timeout) === 0 ? [] : checkDuration(timeout, path);

function checkMirrors({ mirror, mirrors = [], mirrorPercent, mirrorPercentage }: HTTPRoute, path: Path): Finding[] {
  const findings = each(mirrors, [...path, 'mirrors'], ({ destination }, place) =>
    checkDestination(destination, [...place, 'destination']),
  );
  if (mirror !== undefined) findings.push(...checkDestination(mirror, [...path, 'mirror']));
  if (mirror !== undefined && mirrors.length > 0) {
    findings.push(error('LAT1110', [...path, 'mirror'], 'mirror and mirrors exclude each other', 'move it into mirrors'));
  }
  if (mirrorPercent !== undefined && mirrorPercent > 100) {
    findings.push(error('LAT1110', [...path, 'mirrorPercent'], `${mirrorPercent} is not a percentage`, 'use 0 to 100'));
  }
  if (mirror === undefined && (mirrorPercent ?? mirrorPercentage) !== undefined) {
    findings.push(warning('LAT1111', path, 'a mirror percentage without mirror has no effect', 'give mirror, or use mirrors'));
  }
  return findings;
}

function checkCors(policy: CorsPolicy | undefined, path: Path): Finding[] {
  if (policy === undefined) return [];
  const findings = [
    ...each(policy.allowOrigins, [...path, 'allowOrigins'], (origin, place) => checkStringMatch(origin, place)),
    ...each(policy.allowMethods, [...path, 'allowMethods'], (method, place) =>
      method === '*' || (isHeaderName(method) && method === method.toUpperCase())
        ? []
        : [error('LAT1112', place, `${JSON.stringify(method)} is not a method`, 'write methods in capitals, as in GET')],
    ),
    ...each(policy.allowHeaders, [...path, 'allowHeaders'], checkHeaderName),
    ...each(policy.exposeHeaders, [...path, 'exposeHeaders'], checkHeaderName),
  ];
  if (policy.maxAge !== undefined && milliseconds(policy.maxAge) % 1000 !== 0) {
    findings.push(error('LAT1112', [...path, 'maxAge'], `${policy.maxAge} is not whole seconds`, 'round it to seconds'));
  }
  return findings;
}

const checkHeaderName = (name: string, path: Path): Finding[] =>
  isHeaderName(name)
    ? []
    : [error('LAT1029', path, `${JSON.stringify(name)} is not a header's name`, 'use letters, digits and -')];

function checkHeaders(headers: Headers | undefined, path: Path): Finding[] {
  if (headers === undefined) return [];
  return [
    ...checkOperations(headers.request, [...path, 'request'], true),
    ...checkOperations(headers.response, [...path, 'response'], false),
  ];
}

/** Of the headers that are the request's own parts, only the host can be changed, and only in requests. */
function checkOperations({ set = {}, add = {}, remove = [] }: HeaderOperations = {}, path: Path, ofRequest: boolean): Finding[] {
  const check = (name: string, place: Path, hostAllowed: boolean): Finding[] => {
    const lower = name.toLowerCase();
    if (lower === 'host' || lower === ':authority') {
      return hostAllowed ? [] : [error('LAT1029', place, `${name} cannot be changed here`, 'use rewrite.authority')];
    }
    if (name.startsWith(':')) return [error('LAT1029', place, `${name} cannot be changed`, 'use rewrite')];
    return checkHeaderName(name, place);
  };
  return [
    ...Object.keys(set).flatMap((name) => check(name, [...path, 'set', name], ofRequest)),
    ...Object.keys(add).flatMap((name) => check(name, [...path, 'add', name], ofRequest)),
    ...checkValues(set, [...path, 'set']),
    ...checkValues(add, [...path, 'add']),
    ...each(remove, [...path, 'remove'], (name, place) => check(name, place, false)),
  ];
}

/** A whole text for a header as Envoy takes it, which refuses a table of routes for one that is not. */
const headerText = /^(?:[^%\0\r\n]|%%|%[A-Z0-9_]+(?:\([^\0\r\n]*?\))?(?::\d+)?%)*$/;

/** A new host is no such text. */
const checkValues = (values: Readonly<Record<string, string>>, path: Path): Finding[] =>
  Object.entries(values).flatMap(([name, value]) =>
    headerText.test(value) || /^(?:host|:authority)$/i.test(name)
      ? []
      : [
          error(
            'LAT1029',
            [...path, name],
            `${JSON.stringify(value)} is no text for a header`,
            'write %% for a percent sign, and what Envoy is to fill in between two of them, as in %REQ(x-from)%',
          ),
        ],
  );
