// What a request must have, in the fewest signs: `/api*`, `end-user=jason`, `?page=1`. Conditions stand in the order in which people ask.

import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcher } from '../../../gen/envoy/type/matcher/v3/string_pb.js';
import { UriTemplateMatchConfigSchema } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { fraction, percentText } from '../../explain/passage.ts';
import { typedConfig } from '../../explain/typed-config.ts';
import { metadataWanted } from '../../explain/value-match.ts';

/** `/api* POST end-user=jason ?debug`. */
export function matchWords(match: RouteMatch | undefined): string {
  if (match === undefined) return '';
  const { grpc, tlsContext, runtimeFraction, headers } = match;
  const methods = headers.filter(({ name }) => name === ':method');
  return [
    pathWords(match),
    ...methods.map(headerWords),
    ...(grpc === undefined ? [] : ['gRPC']),
    ...headers.filter((each) => !methods.includes(each)).map(headerWords),
    ...match.queryParameters.map(queryWords),
    ...(tlsContext === undefined
      ? []
      : [tlsContext.presented === false || tlsContext.validated === false ? 'no client certificate' : 'client certificate']),
    ...match.dynamicMetadata.map(metadataWanted),
    ...(runtimeFraction?.defaultValue === undefined ? [] : [percentText(fraction(runtimeFraction.defaultValue))]),
  ].join(' ');
}

function pathWords({ pathSpecifier: path, caseSensitive = true }: RouteMatch): string {
  const any = caseSensitive ? '' : ' (any case)';
  switch (path.case) {
    case 'prefix':
      return `${path.value}*${any}`;
    case 'path':
      return `${path.value}${any}`;
    case 'pathSeparatedPrefix':
      return `${path.value}[/*]${any}`;
    case 'safeRegex':
      return `~${path.value.regex}`;
    case 'connectMatcher':
      return 'CONNECT';
    case 'pathMatchPolicy':
      return typedConfig(UriTemplateMatchConfigSchema, path.value.typedConfig)?.pathTemplate ?? path.value.name;
    case undefined:
      return 'nothing';
  }
}

function headerWords({ name, headerMatchSpecifier: specifier, invertMatch }: HeaderMatcher): string {
  // A method needs no name.
  const subject = name === ':method' ? '' : name === ':authority' ? 'host=' : `${name.replace(/^:/, '')}=`;
  const not = invertMatch ? '!' : '';
  switch (specifier.case) {
    case undefined:
      return `${not}${name}`;
    case 'presentMatch':
      return `${specifier.value === invertMatch ? '!' : ''}${name}`;
    case 'stringMatch':
      return `${not}${subject}${stringWords(specifier.value)}`;
    case 'exactMatch':
      return `${not}${subject}${specifier.value}`;
    case 'prefixMatch':
      return `${not}${subject}${specifier.value}*`;
    case 'suffixMatch':
      return `${not}${subject}*${specifier.value}`;
    case 'containsMatch':
      return `${not}${subject}*${specifier.value}*`;
    case 'safeRegexMatch':
      return `${not}${subject}~${specifier.value.regex}`;
    case 'rangeMatch':
      return `${not}${subject}${specifier.value.start}..${specifier.value.end - 1n}`;
  }
}

function queryWords({ name, queryParameterMatchSpecifier: specifier }: QueryParameterMatcher): string {
  if (specifier.case === 'stringMatch') return `?${name}=${stringWords(specifier.value)}`;
  return specifier.case === 'presentMatch' && !specifier.value ? `!?${name}` : `?${name}`;
}

function stringWords({ matchPattern: pattern, ignoreCase }: StringMatcher): string {
  const any = ignoreCase ? ' (any case)' : '';
  switch (pattern.case) {
    case 'exact':
      return `${pattern.value}${any}`;
    case 'prefix':
      return `${pattern.value}*${any}`;
    case 'suffix':
      return `*${pattern.value}${any}`;
    case 'contains':
      return `*${pattern.value}*${any}`;
    case 'safeRegex':
      return `~${pattern.value.regex}`;
    case 'custom':
      return pattern.value.name;
    case undefined:
      return '';
  }
}
