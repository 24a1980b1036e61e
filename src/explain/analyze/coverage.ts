// Whether one match takes every request of another: what makes the later of two rules unreachable. True only where it is certain.

import type { HttpMatch, PathMatch, SourceMatch, StringMatch } from '../../mesh/route.ts';
import { matchesEverything } from '../../compile/route/match.ts';
import { matchesWhole } from '../regex.ts';

/** Whether every request that `inner` means is one that `outer` means. Undefined is the match of a rule that has none. */
export function covers(outer: HttpMatch | undefined, inner: HttpMatch | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return matchesEverything(outer) && coversSource(outer, everyCaller);
  return (
    coversSource(outer, inner) &&
    coversPath(outer, inner) &&
    coversText(outer.method, inner.method) &&
    coversText(outer.authority, inner.authority) &&
    coversText(outer.scheme, inner.scheme) &&
    coversNamed(outer.headers, inner.headers) &&
    coversNamed(outer.queryParams, inner.queryParams) &&
    coversAbsent(outer.withoutHeaders, inner)
  );
}

const everyCaller: SourceMatch = { port: undefined, sourceLabels: {}, sourceNamespace: undefined, gateways: [] };

/** A match that names gateways asks nothing else of who calls (`appliesTo`). */
export function coversSource(outer: SourceMatch, inner: SourceMatch): boolean {
  if (outer.port !== undefined && outer.port !== inner.port) return false;
  if (outer.gateways.length > 0)
    return inner.gateways.length > 0 && inner.gateways.every((name) => outer.gateways.includes(name));
  const asksNothing = outer.sourceNamespace === undefined && Object.keys(outer.sourceLabels).length === 0;
  if (inner.gateways.length > 0) return asksNothing;
  return (
    (outer.sourceNamespace === undefined || outer.sourceNamespace === inner.sourceNamespace) &&
    Object.entries(outer.sourceLabels).every(([key, value]) => inner.sourceLabels[key] === value)
  );
}

function coversPath(outer: HttpMatch, inner: HttpMatch): boolean {
  const { uri } = outer;
  if (uri === undefined || uri.kind === 'present' || uri.kind === 'regex') {
    if (uri?.kind === 'regex' && uri.value !== '.*') return coversByExpression(uri.value, inner.uri, inner.ignoreUriCase);
    return true;
  }
  if (uri.kind === 'prefix' && uri.value === '/') return true;
  if (inner.uri === undefined || inner.uri.kind === 'present') return false;
  // What ignores case means more than what does not, unless there are no letters.
  if (inner.ignoreUriCase && !outer.ignoreUriCase && /[a-z]/i.test(uri.value)) return false;
  const fold = (text: string): string => (outer.ignoreUriCase ? text.toLowerCase() : text);
  return coversFolded({ ...uri, value: fold(uri.value) }, folded(inner.uri, fold));
}

const folded = (match: Exclude<PathMatch, { kind: 'present' }>, fold: (text: string) => string) =>
  match.kind === 'regex' ? match : { ...match, value: fold(match.value) };

type Written = Exclude<PathMatch, { kind: 'present' }>;

function coversFolded(outer: Written, inner: Written): boolean {
  const { value } = outer;
  switch (outer.kind) {
    case 'exact':
      return inner.kind === 'exact' ? inner.value === value : inner.kind === 'regex' && literal(inner.value) === value;
    case 'prefix':
      return (inner.kind === 'regex' ? literalStart(inner.value) : inner.value).startsWith(value);
    case 'segments':
      if (inner.kind === 'prefix') return inner.value.startsWith(`${value}/`);
      if (inner.kind === 'regex') return literalStart(inner.value).startsWith(`${value}/`);
      return inner.value === value || inner.value.startsWith(`${value}/`);
    case 'regex':
      return coversByExpression(value, inner, false);
  }
}

function coversByExpression(expression: string, inner: PathMatch | undefined, ignoresCase: boolean): boolean {
  if (inner?.kind === 'regex') return inner.value === expression;
  return inner?.kind === 'exact' && !ignoresCase && takesWhole(expression, inner.value);
}

function coversText(outer: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  if (outer.kind === 'present') return true;
  return inner.kind !== 'present' && coversFolded(outer, inner);
}

type Named = HttpMatch['headers'];

/** Names of headers have no case. */
const conditionOn = (list: Named, name: string): StringMatch | undefined =>
  list.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];

const coversNamed = (outer: Named, inner: Named): boolean =>
  outer.every(([name, condition]) => coversText(condition, conditionOn(inner, name)));

/** What must not be there for the outer match must not be there for the inner one, or is something else there. */
const coversAbsent = (outer: Named, inner: HttpMatch): boolean =>
  outer.every(([name, condition]) => {
    const excluded = conditionOn(inner.withoutHeaders, name);
    if (excluded !== undefined && coversText(excluded, condition)) return true;
    const wanted = conditionOn(inner.headers, name);
    return wanted?.kind === 'exact' && condition.kind === 'exact' && wanted.value !== condition.value;
  });

const special = /[\\^$.|?*+()[\]{}]/;

/** The text that an expression is, if it is nothing but text. */
const literal = (expression: string): string | undefined => {
  const plain = expression.replaceAll(/\\[^A-Za-z0-9]/g, '');
  return special.test(plain) ? undefined : expression.replaceAll(/\\([^A-Za-z0-9])/g, '$1');
};

/** The text that everything which a whole expression means begins with; empty where that is not plain. */
function literalStart(expression: string): string {
  const source = expression.replace(/^\^/, '');
  // A choice outside of brackets makes the beginning one of several; a flag changes what letters mean.
  if (/\||\(\?/.test(source)) return '';
  let text = '';
  for (let at = 0; at < source.length; at++) {
    let character = source[at] ?? '';
    if (character === '\\') {
      character = source[++at] ?? '';
      if (/[A-Za-z0-9]/.test(character)) return text;
    } else if (special.test(character)) return text;
    // What may be there or not is no part of the beginning.
    if (/[?*{]/.test(source[at + 1] ?? '')) return text;
    text += character;
  }
  return text;
}

/** Nested repeats may take for ever here, which RE2 would not mind: of those nothing is said. */
const takesWhole = (expression: string, text: string): boolean =>
  text.length <= 200 && !/[*+}][^()]*\)[*+{]/.test(expression) && matchesWhole(expression, text) === true;
