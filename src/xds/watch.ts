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

/** Hears of a cell that was watched under `name` and cannot be computed: once per cause, until it can be again. */
export type OnFailure = (error: unknown, name: string) => void;

export class Watches {
  readonly #watches = new Map<ReadonlySignal<unknown>, Watch>();
  readonly #onFailure: OnFailure;

  /** Watchers of a cell that cannot be computed keep what they have. */
  constructor(onFailure: OnFailure) {
    this.#onFailure = onFailure;
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
    let failure: string | undefined;
    const stop = effect(() => {
      try {
        void cell.value;
        failure = undefined;
      } catch (error) {
        const told = failure;
        failure = causeOf(error);
        if (failure !== told) this.#onFailure(error, name);
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
export function readOr<Value, Otherwise>(cell: ReadonlySignal<Value>, otherwise: Otherwise): Value | Otherwise {
  try {
    return cell.peek();
  } catch {
    return otherwise;
  }
}

/** Why a cell cannot be computed now; undefined when it can. */
export function failureOf(cell: ReadonlySignal<unknown>): string | undefined {
  try {
    cell.peek();
    return undefined;
  } catch (error) {
    return causeOf(error);
  }
}

const causeOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
