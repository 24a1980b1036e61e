// Conditions on dynamic metadata: Envoy's value and metadata matchers over JSON.

import type { JsonValue } from '@bufbuild/protobuf';
import type { MetadataMatcher } from '../../gen/envoy/type/matcher/v3/metadata_pb.js';
import type { DoubleMatcher } from '../../gen/envoy/type/matcher/v3/number_pb.js';
import type { ValueMatcher } from '../../gen/envoy/type/matcher/v3/value_pb.js';
import { stringMatches, stringWanted } from './string-match.ts';

/** Where claims of tokens are noted, whatever the filter's instance is called. */
export const claimsMetadata = 'envoy.filters.http.jwt_authn';

type Metadata = ReadonlyMap<string, JsonValue>;

export function metadataMatches({ filter, path, value, invert }: MetadataMatcher, metadata: Metadata): boolean {
  const found = lookup(metadata.get(filter), path);
  return (value !== undefined && valueMatches(value, found)) !== invert;
}

function lookup(root: JsonValue | undefined, path: MetadataMatcher['path']): JsonValue | undefined {
  let place = root;
  for (const { segment } of path) {
    if (segment.case !== 'key' || typeof place !== 'object' || place === null || Array.isArray(place)) return undefined;
    place = place[segment.value];
  }
  return place;
}

function valueMatches({ matchPattern }: ValueMatcher, found: JsonValue | undefined): boolean {
  switch (matchPattern.case) {
    case 'nullMatch':
      return found === null;
    case 'presentMatch':
      return (found !== undefined) === matchPattern.value;
    case 'boolMatch':
      return found === matchPattern.value;
    case 'doubleMatch':
      return typeof found === 'number' && numberMatches(matchPattern.value, found);
    case 'stringMatch':
      return typeof found === 'string' && stringMatches(matchPattern.value, found);
    case 'listMatch': {
      const { matchPattern: one } = matchPattern.value;
      return Array.isArray(found) && one.case === 'oneOf' && found.some((item) => valueMatches(one.value, item));
    }
    case 'orMatch':
      return matchPattern.value.valueMatchers.some((matcher) => valueMatches(matcher, found));
    case undefined:
      return false;
  }
}

function numberMatches({ matchPattern }: DoubleMatcher, value: number): boolean {
  if (matchPattern.case === 'exact') return value === matchPattern.value;
  return matchPattern.case === 'range' && value >= matchPattern.value.start && value < matchPattern.value.end;
}

/** `claim iss "https://…"` of a token's payload, else `metadata a.b "…"`. */
export function metadataWanted({ filter, path, value, invert }: MetadataMatcher): string {
  const steps = path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []));
  const isToken = filter === 'envoy.filters.http.jwt_authn' || filter === 'istio_authn';
  const names = isToken && steps[0] === 'payload' ? steps.slice(1) : steps;
  const subject = isToken ? `token claim ${names.join('.')}` : `metadata ${[filter, ...steps].join(' ')}`;
  return `${invert ? 'not ' : ''}${subject} ${value === undefined ? '' : valueWanted(value)}`.trim();
}

function valueWanted({ matchPattern }: ValueMatcher): string {
  switch (matchPattern.case) {
    case 'stringMatch':
      return stringWanted(matchPattern.value);
    case 'listMatch': {
      const { matchPattern: one } = matchPattern.value;
      return one.case === 'oneOf' ? `with ${valueWanted(one.value)} in it` : '';
    }
    case 'orMatch': {
      // Written for a value and for a list of them alike.
      const words = new Set(
        matchPattern.value.valueMatchers.map((matcher) => valueWanted(matcher).replace(/^with (.*) in it$/, '$1')),
      );
      return [...words].join(' or ');
    }
    case 'presentMatch':
      return matchPattern.value ? '' : 'absent';
    case 'boolMatch':
      return String(matchPattern.value);
    case 'nullMatch':
      return 'null';
    case 'doubleMatch':
      return matchPattern.value.matchPattern.case === 'exact'
        ? String(matchPattern.value.matchPattern.value)
        : 'in a range of numbers';
    case undefined:
      return '';
  }
}
