// Which hosts a wildcard host stands for.

/** Whether every name that `inner` stands for is one that `outer` stands for. */
export function hostCovers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  if (!outer.startsWith('*')) return false;
  return (inner.startsWith('*') ? inner.slice(1) : inner).endsWith(outer.slice(1));
}
