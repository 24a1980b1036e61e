// The embedded store's recent changes, for watchers that come back with the version they saw last.

import type { StoredObject } from './store.ts';

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The store's version after this change. */
  readonly resourceVersion: number;
  /** For DELETED, the object's last form. */
  readonly object: StoredObject;
}

export interface Subscription {
  close(): void;
}

/** Enough for a watcher that lost its connection for a moment; one that was away longer lists again. */
const kept = 1_000;

export class WatchHistory {
  readonly #events: StoreEvent[] = [];
  readonly #listeners = new Set<(events: readonly StoreEvent[]) => void>();
  /** Every change after this version is in `#events`. */
  #since: number;

  constructor(since: number) {
    this.#since = since;
  }

  add(events: readonly StoreEvent[]): void {
    if (events.length === 0) return;
    this.#events.push(...events);
    const dropped = this.#events.splice(0, Math.max(0, this.#events.length - kept));
    this.#since = dropped.at(-1)?.resourceVersion ?? this.#since;
    for (const listener of this.#listeners) listener(events);
  }

  /** Undefined when changes after `resourceVersion` are no longer known. */
  watch(resourceVersion: number, listener: (events: readonly StoreEvent[]) => void): Subscription | undefined {
    if (resourceVersion < this.#since) return undefined;
    const missed = this.#events.filter((event) => event.resourceVersion > resourceVersion);
    if (missed.length > 0) listener(missed);
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  close(): void {
    this.#listeners.clear();
    this.#events.length = 0;
  }
}
