// Who may see ServiceEntries, whatever they say themselves: the mesh's word, by the labels of their namespaces.

import type { ServiceEntryVisibility } from '../api/shared/mesh-fields.ts';
import { matchesSet, type Labels } from './labels.ts';
import { isVisible, type Visibility } from './visibility.ts';

type Word = NonNullable<ServiceEntryVisibility['defaultVisibility']>;

/** Narrows what an entry says to what the mesh lets its namespace say. */
export type Narrowing = (visibility: Visibility, namespace: string, labels: Labels) => Visibility;

/** Undefined where the mesh has no word on it, or none for sidecars and gateways. */
export function narrowingOf(settings: ServiceEntryVisibility | undefined): Narrowing | undefined {
  if (settings?.applyToSidecars !== true) return undefined;
  return (visibility, namespace, labels) => narrowed(visibility, namespace, wordFor(settings, labels));
}

/** The first policy whose rules all hold; one without rules holds for every namespace. A rule that asks nothing known never holds. */
function wordFor({ policies = [], defaultVisibility }: ServiceEntryVisibility, labels: Labels): Word | undefined {
  const policy = policies.find(({ matchingRules = [] }) =>
    matchingRules.every(({ namespaceSelector }) => namespaceSelector !== undefined && matchesSet(namespaceSelector, labels)),
  );
  return policy === undefined ? defaultVisibility : policy.visibility;
}

function narrowed(visibility: Visibility, namespace: string, word: Word | undefined): Visibility {
  switch (word) {
    case 'NONE':
      return { everyone: false, namespaces: new Set() };
    case 'NAMESPACE':
      return { everyone: false, namespaces: new Set(isVisible(visibility, namespace) ? [namespace] : []) };
    default:
      return visibility;
  }
}
