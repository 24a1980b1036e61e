// The patterns that values of an AuthorizationPolicy are (`x`, `x*`, `*x`, `*`), compared with each other.

interface Pattern {
  readonly kind: 'any' | 'exact' | 'prefix' | 'suffix';
  readonly text: string;
}

/** A star counts at one end only, first of all at the front, as in filters/rbac. */
function patternOf(value: string): Pattern {
  if (value === '*') return { kind: 'any', text: '' };
  if (value.startsWith('*')) return { kind: 'suffix', text: value.slice(1) };
  if (value.endsWith('*')) return { kind: 'prefix', text: value.slice(0, -1) };
  return { kind: 'exact', text: value };
}

/** Whether everything that `inner` means is meant by `outer`. */
export function coversValue(outer: string, inner: string): boolean {
  const [a, b] = [patternOf(outer), patternOf(inner)];
  switch (a.kind) {
    case 'any':
      return true;
    case 'exact':
      return b.kind === 'exact' && a.text === b.text;
    case 'prefix':
      return (b.kind === 'exact' || b.kind === 'prefix') && b.text.startsWith(a.text);
    case 'suffix':
      return (b.kind === 'exact' || b.kind === 'suffix') && b.text.endsWith(a.text);
  }
}

/** Whether something is meant by both. */
export function valuesOverlap(one: string, other: string): boolean {
  const [a, b] = [patternOf(one), patternOf(other)];
  if (a.kind === 'exact') return coversValue(other, one);
  if (b.kind === 'exact') return coversValue(one, other);
  if (a.kind !== b.kind || a.kind === 'any') return true;
  return coversValue(one, other) || coversValue(other, one);
}
