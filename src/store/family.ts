// Cells by key, made when first asked for and forgotten when nobody watches them: how shared computations are found again.

import { computed, type ReadonlySignal } from '@preact/signals-core';

/**
 * `familyBy(text, compute)` gives the same computed cell for keys of the same text, so that everyone who needs a value shares
 * one computation. `compute` gets the cell's previous value too: returning that wakes nobody. A cell whose last watcher left is
 * dropped; a later asker makes it anew.
 */
export function familyBy<K, T>(
  text: (key: K) => string,
  compute: (key: K, previous: T | undefined) => T,
): (key: K) => ReadonlySignal<T> {
  const cells = new Map<string, ReadonlySignal<T>>();
  return (key) => {
    const name = text(key);
    const known = cells.get(name);
    if (known !== undefined) return known;
    let previous: T | undefined;
    const cell: ReadonlySignal<T> = computed(() => (previous = compute(key, previous)), {
      unwatched() {
        if (cells.get(name) === cell) cells.delete(name);
      },
    });
    cells.set(name, cell);
    return cell;
  };
}

/** The same for keys that are texts themselves. */
export const family = <T>(compute: (key: string, previous: T | undefined) => T): ((key: string) => ReadonlySignal<T>) =>
  familyBy((key) => key, compute);
