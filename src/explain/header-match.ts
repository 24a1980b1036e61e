// Conditions on headers and query parameters, of routes and of authorization rules.

import type { HeaderMatcher, QueryParameterMatcher } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Doubt } from './doubt.ts';
import { headerName, headerValue, queryOf, type Headers } from './headers.ts';
import { matchesWhole } from './regex.ts';
import { stringMatches, stringWanted } from './string-match.ts';

/** Each value of a header is looked at by itself: one that matches is enough. */
export function headerMatches(matcher: HeaderMatcher, headers: Headers): boolean {
  const name = headerName(matcher.name);
  const values = headers.get(name);
  return values === undefined && headers.doubt !== undefined
    ? decideUnknown(matcher, name, headers, headers.doubt)
    : decide(matcher, values);
}

/** A header that nobody wrote down: it is there or not, and what it says is asked for or not. */
function decideUnknown(matcher: HeaderMatcher, name: string, headers: Headers, doubt: Doubt): boolean {
  const { headerMatchSpecifier: specifier, invertMatch, treatMissingHeaderAsEmpty } = matcher;
  const there = subject(name);
  if (doubt.taken(there) === false) return decide(matcher, undefined);
  if (specifier.case === undefined || specifier.case === 'presentMatch') {
    const found = doubt.holds(there) ? '' : undefined;
    return decide(matcher, found === undefined ? undefined : [found]);
  }
  if (doubt.holds(`${there} ${wanted(specifier)}`)) {
    const value = exactly(specifier);
    // From here on it is known.
    if (value !== undefined) headers.set(name, [value]);
    return !invertMatch;
  }
  // Another value is a value; none matches nothing.
  return invertMatch && (treatMissingHeaderAsEmpty || doubt.holds(there));
}

function exactly(specifier: Specifier): string | undefined {
  if (specifier.case === 'exactMatch') return specifier.value;
  if (specifier.case !== 'stringMatch' || specifier.value.ignoreCase) return undefined;
  return specifier.value.matchPattern.case === 'exact' ? specifier.value.matchPattern.value : undefined;
}

function decide(matcher: HeaderMatcher, values: readonly string[] | undefined): boolean {
  const { headerMatchSpecifier: specifier, invertMatch, treatMissingHeaderAsEmpty } = matcher;
  if (specifier.case === undefined) return (values !== undefined) !== invertMatch;
  if (specifier.case === 'presentMatch') {
    const there = values !== undefined || treatMissingHeaderAsEmpty;
    return (there === specifier.value) !== invertMatch;
  }
  const seen = values ?? (treatMissingHeaderAsEmpty ? [''] : undefined);
  // Without the header there is nothing to match, and nothing to invert.
  if (seen === undefined) return false;
  return seen.some((value) => valueMatches(specifier, value)) !== invertMatch;
}

type Specifier = HeaderMatcher['headerMatchSpecifier'];

function valueMatches(specifier: Specifier, value: string): boolean {
  switch (specifier.case) {
    case 'stringMatch':
      return stringMatches(specifier.value, value);
    case 'exactMatch':
      return value === specifier.value;
    case 'prefixMatch':
      return specifier.value !== '' && value.startsWith(specifier.value);
    case 'suffixMatch':
      return specifier.value !== '' && value.endsWith(specifier.value);
    case 'containsMatch':
      return specifier.value !== '' && value.includes(specifier.value);
    case 'safeRegexMatch':
      return matchesWhole(specifier.value.regex, value) === true;
    case 'rangeMatch': {
      const { start, end } = specifier.value;
      return /^-?\d+$/.test(value) && BigInt(value) >= start && BigInt(value) < end;
    }
    case 'presentMatch':
    case undefined:
      return true;
  }
}

/** `header x-user "jason"`, `no header x-debug`. */
export function headerWanted(matcher: HeaderMatcher): string {
  const { headerMatchSpecifier: specifier, invertMatch } = matcher;
  const name = subject(matcher.name);
  if (specifier.case === undefined || specifier.case === 'presentMatch') {
    const there = (specifier.case === undefined || specifier.value) !== invertMatch;
    return there ? name : `no ${name}`;
  }
  return `${invertMatch ? 'not ' : ''}${name} ${wanted(specifier)}`;
}

const subjects: Readonly<Record<string, string>> = {
  ':method': 'method',
  ':authority': 'host',
  ':path': 'path',
  ':scheme': 'scheme',
};

const subject = (name: string): string => subjects[headerName(name)] ?? `header ${name}`;

/** `host "a"`, `no header x-user`: what a request has of what a matcher asks for. */
export function headerGiven({ name }: HeaderMatcher, headers: Headers): string {
  const value = headerValue(headers, name);
  return value === undefined ? `no ${subject(name)}` : `${subject(name)} "${value}"`;
}

function wanted(specifier: Specifier): string {
  switch (specifier.case) {
    case 'stringMatch':
      return stringWanted(specifier.value);
    case 'exactMatch':
      return `"${specifier.value}"`;
    case 'prefixMatch':
      return `something that begins with "${specifier.value}"`;
    case 'suffixMatch':
      return `something that ends with "${specifier.value}"`;
    case 'containsMatch':
      return `something that contains "${specifier.value}"`;
    case 'safeRegexMatch':
      return `something that matches ${specifier.value.regex}`;
    case 'rangeMatch':
      return `a number from ${specifier.value.start} to below ${specifier.value.end}`;
    case 'presentMatch':
    case undefined:
      return '';
  }
}

export function queryMatches(
  { name, queryParameterMatchSpecifier: specifier }: QueryParameterMatcher,
  headers: Headers,
): boolean {
  const value = queryOf(headers).get(name);
  const { doubt } = headers;
  if (value === undefined && doubt !== undefined) {
    const there = `query parameter ${name}`;
    if (specifier.case === 'presentMatch') return doubt.holds(there) === specifier.value;
    return doubt.holds(specifier.case === 'stringMatch' ? `${there} ${stringWanted(specifier.value)}` : there);
  }
  if (specifier.case === 'presentMatch') return (value !== undefined) === specifier.value;
  if (value === undefined) return false;
  return specifier.case === undefined || stringMatches(specifier.value, value);
}

export function queryWanted({ name, queryParameterMatchSpecifier: specifier }: QueryParameterMatcher): string {
  if (specifier.case === 'stringMatch') return `query parameter ${name} ${stringWanted(specifier.value)}`;
  return specifier.case === 'presentMatch' && !specifier.value ? `no query parameter ${name}` : `query parameter ${name}`;
}

export function queryGiven({ name }: QueryParameterMatcher, headers: Headers): string {
  const value = queryOf(headers).get(name);
  return value === undefined ? `no query parameter ${name}` : `query parameter ${name} "${value}"`;
}
