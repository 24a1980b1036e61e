// String conditions → Envoy's string matchers.

import type { StringMatcherSchema } from '../../gen/envoy/type/matcher/v3/string_pb.js';
import type { Init } from './any.ts';
import type { StringMatch } from '../mesh/route.ts';

export function stringMatcher(match: StringMatch): Init<typeof StringMatcherSchema> {
  switch (match.kind) {
    case 'exact':
      return { matchPattern: { case: 'exact', value: match.value } };
    case 'prefix':
      return { matchPattern: { case: 'prefix', value: match.value } };
    case 'regex':
      return { matchPattern: { case: 'safeRegex', value: { regex: match.value } } };
    case 'present':
      return { matchPattern: { case: 'safeRegex', value: { regex: '.*' } } };
  }
}
