// Who may see a service, route or policy: `exportTo` of Istio's objects, in one form.

/** Everyone, or the namespaces that may see it (none: nobody). */
export type Visibility = { readonly everyone: true } | { readonly everyone: false; readonly namespaces: ReadonlySet<string> };

/** `exportTo` with `.` resolved to the object's namespace; absent means the mesh's default. */
export function visibilityOf(
  exportTo: readonly string[] | undefined,
  namespace: string,
  byDefault: readonly string[],
): Visibility {
  const given = (exportTo ?? []).filter((word) => word !== '');
  const words = given.length > 0 ? given : byDefault;
  if (words.includes('*')) return { everyone: true };
  // Nobody, whatever stands beside it.
  if (words.includes('~')) return { everyone: false, namespaces: new Set() };
  return { everyone: false, namespaces: new Set(words.map((word) => (word === '.' ? namespace : word))) };
}

export const isVisible = (visibility: Visibility, from: string): boolean =>
  visibility.everyone || visibility.namespaces.has(from);
