// The label keys by which anything is selected: labels under other keys change nothing, so proxies that differ only there are of
// one class.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { Labels } from './labels.ts';

/** The keys of all these labels, sorted; the same list until a key comes or goes. */
export function selectionKeys(selectors: () => Iterable<Labels | undefined>): ReadonlySignal<readonly string[]> {
  // A text is compared by its value: a selector that changes without a new key wakes nobody.
  const text = computed(() => [...new Set([...selectors()].flatMap((labels) => Object.keys(labels ?? {})))].sort().join(','));
  return computed(() => (text.value === '' ? [] : text.value.split(',')));
}
