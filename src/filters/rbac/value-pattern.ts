// The patterns that a policy's values are (`x`, `x*`, `*x`, `*`) → Envoy's string matchers.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { StringMatcherSchema } from '../../../gen/envoy/type/matcher/v3/string_pb.js';

export type StringMatcherInit = MessageInitShape<typeof StringMatcherSchema>;

/** Text in which nothing is special to RE2: names in policies are names, also with a dot or a bracket in them. */
export const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

export const regex = (pattern: string): StringMatcherInit => ({ matchPattern: { case: 'safeRegex', value: { regex: pattern } } });

/** `*`: anything but nothing. */
export const present: StringMatcherInit = regex('.+');

export const exact = (text: string): StringMatcherInit => ({ matchPattern: { case: 'exact', value: text } });
export const prefix = (text: string): StringMatcherInit => ({ matchPattern: { case: 'prefix', value: text } });
export const suffix = (text: string): StringMatcherInit => ({ matchPattern: { case: 'suffix', value: text } });

/** A star counts at one end only, first of all at the front; elsewhere it is a letter like any other. */
export function stringPattern(value: string): StringMatcherInit {
  if (value === '*') return present;
  if (value.startsWith('*')) return suffix(value.slice(1));
  if (value.endsWith('*')) return prefix(value.slice(0, -1));
  return exact(value);
}

export const ignoringCase = (matcher: StringMatcherInit): StringMatcherInit => ({ ...matcher, ignoreCase: true });
