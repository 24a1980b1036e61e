// Envoy's string matchers: whether a text matches, and what they ask for in words.

import { matchesWhole } from './regex.ts';

/** Envoy's string matcher, or xDS's, which says the same. */
interface StringMatcher {
  readonly matchPattern:
    | { readonly case: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly value: string }
    | { readonly case: 'safeRegex'; readonly value: { readonly regex: string } }
    | { readonly case: 'custom'; readonly value: { readonly name: string } }
    | { readonly case: undefined };
  readonly ignoreCase: boolean;
}

/** What cannot be decided here (an expression that this reader does not take) does not match. */
export function stringMatches({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (part: string): string => (ignoreCase ? part.toLowerCase() : part);
  switch (matchPattern.case) {
    case 'exact':
      return fold(text) === fold(matchPattern.value);
    case 'prefix':
      return fold(text).startsWith(fold(matchPattern.value));
    case 'suffix':
      return fold(text).endsWith(fold(matchPattern.value));
    case 'contains':
      return fold(text).includes(fold(matchPattern.value));
    case 'safeRegex':
      return matchesWhole(matchPattern.value.regex, text) === true;
    case 'custom':
    case undefined:
      return false;
  }
}

/** `"jason"`, `a text that begins with "/api"`. */
export function stringWanted({ matchPattern, ignoreCase }: StringMatcher): string {
  const any = ignoreCase ? ' (in any case)' : '';
  switch (matchPattern.case) {
    case 'exact':
      return `"${matchPattern.value}"${any}`;
    case 'prefix':
      return `something that begins with "${matchPattern.value}"${any}`;
    case 'suffix':
      return `something that ends with "${matchPattern.value}"${any}`;
    case 'contains':
      return `something that contains "${matchPattern.value}"${any}`;
    case 'safeRegex':
      return matchPattern.value.regex === '.*' ? 'any value' : `something that matches ${matchPattern.value.regex}`;
    case 'custom':
      return `what ${matchPattern.value.name} takes`;
    case undefined:
      return 'nothing';
  }
}
