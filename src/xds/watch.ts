// One effect per cell, however many streams look at it: the seam between compile's signals and what xds/ keeps.

import { effect, untracked, type ReadonlySignal } from '@preact/signals-core';

export interface Watcher {
  /** The cell that was watched under this name has a new value. Called inside the change: note it, and act later. */
  touch(name: string): void;
}

interface Watch {
  readonly watchers: Set<Watcher>;
  readonly stop: () => void;
}

export class Watches {
  readonly #watches = new Map<ReadonlySignal<unknown>, Watch>();
  readonly #onError: (error: unknown) => void;

  /** `onError` hears of cells whose computation threw; their watchers keep what they have. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Distinct cells watched now. */
  get size(): number {
    return this.#watches.size;
  }

  add(cell: ReadonlySignal<unknown>, name: string, watcher: Watcher): void {
    const known = this.#watches.get(cell);
    if (known) {
      known.watchers.add(watcher);
      return;
    }
    const watchers = new Set([watcher]);
    let started = false;
    const stop = effect(() => {
      try {
        void cell.value;
      } catch (error) {
        this.#onError(error);
        return;
      }
      if (started) untracked(() => watchers.forEach((each) => each.touch(name)));
    });
    started = true;
    this.#watches.set(cell, { watchers, stop });
  }

  remove(cell: ReadonlySignal<unknown>, watcher: Watcher): void {
    const watch = this.#watches.get(cell);
    if (!watch) return;
    watch.watchers.delete(watcher);
    if (watch.watchers.size > 0) return;
    watch.stop();
    this.#watches.delete(cell);
  }
}

/** A cell's value now, or `otherwise` if its computation fails: the last good value stays. */
export function readOr<Value>(cell: ReadonlySignal<Value>, otherwise: Value): Value {
  try {
    return cell.peek();
  } catch {
    return otherwise;
  }
}
