// Cells by key, made when first asked for and forgotten when nobody watches them: how shared computations are found again.

import { computed, type ReadonlySignal } from '@preact/signals-core';

/**
 * `family((key) => value)` gives the same computed cell for the same key, so that everyone who needs a value shares one
 * computation. A cell whose last watcher left is dropped; a later asker makes it anew.
 */
export function family<T>(compute: (key: string) => T): (key: string) => ReadonlySignal<T> {
  const cells = new Map<string, ReadonlySignal<T>>();
  return (key) => {
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = computed(() => compute(key), {
        unwatched() {
          if (cells.get(key) === cell) cells.delete(key);
        },
      });
      cells.set(key, cell);
    }
    return cell;
  };
}

/** The same for keys that are structures: `text` says when two are the same. */
export function familyBy<K, T>(text: (key: K) => string, compute: (key: K) => T): (key: K) => ReadonlySignal<T> {
  const cells = new Map<string, ReadonlySignal<T>>();
  return (key) => {
    const name = text(key);
    let cell = cells.get(name);
    if (cell === undefined) {
      cell = computed(() => compute(key), {
        unwatched() {
          if (cells.get(name) === cell) cells.delete(name);
        },
      });
      cells.set(name, cell);
    }
    return cell;
  };
}
