// A keyed set of values that tells its readers exactly what changed: the store's objects, and what mesh/ derives from them.

import { signal, type Signal } from '@preact/signals-core';

type Change<T> = (key: string, before: T | undefined, after: T | undefined) => void;

/** Values under one index key. Readers hold the version cell; the sorted list is made when first read after a change. */
interface Bucket<T> {
  readonly members: Map<string, T>;
  readonly version: Signal<number>;
  sorted: readonly T[] | undefined;
}

const emptyBucket = <T>(): Bucket<T> => ({ members: new Map(), version: signal(0), sorted: undefined });

/** Values by a derived key. Reading a key inside a computed or effect makes it depend on that key's values only. */
export class Index<T> {
  readonly #keysOf: (value: T) => Iterable<string>;
  readonly #order: (a: T, b: T) => number;
  readonly #buckets = new Map<string, Bucket<T>>();

  constructor(keysOf: (value: T) => Iterable<string>, order: (a: T, b: T) => number) {
    this.#keysOf = keysOf;
    this.#order = order;
  }

  /** The values under a key, in the collection's order; the same array until one of them changes. */
  get(key: string): readonly T[] {
    const bucket = this.#bucket(key);
    // Reading the version is what makes the reader depend on the key, also on one that holds nothing yet.
    void bucket.version.value;
    bucket.sorted ??= [...bucket.members.values()].sort(this.#order);
    return bucket.sorted;
  }

  /** Called by the collection only. */
  update(key: string, before: T | undefined, after: T | undefined): void {
    if (before !== undefined && after !== undefined && this.#exchange(key, before, after)) return;
    const touched = new Set<Bucket<T>>();
    if (before !== undefined) {
      for (const name of this.#keysOf(before)) {
        const bucket = this.#bucket(name);
        bucket.members.delete(key);
        touched.add(bucket);
      }
    }
    if (after !== undefined) {
      for (const name of this.#keysOf(after)) {
        const bucket = this.#bucket(name);
        bucket.members.set(key, after);
        touched.add(bucket);
      }
    }
    for (const bucket of touched) {
      bucket.sorted = undefined;
      bucket.version.value = bucket.version.peek() + 1;
    }
  }

  /** A value takes the place of its earlier form, where it stands under the same keys and in the same order. */
  #exchange(key: string, before: T, after: T): boolean {
    if (this.#order(before, after) !== 0) return false;
    const names = new Set(this.#keysOf(before));
    let count = 0;
    for (const name of new Set(this.#keysOf(after))) {
      if (!names.has(name)) return false;
      count += 1;
    }
    if (count !== names.size) return false;
    for (const name of names) {
      const bucket = this.#bucket(name);
      bucket.members.set(key, after);
      const place = bucket.sorted?.indexOf(before) ?? -1;
      bucket.sorted = place < 0 ? undefined : bucket.sorted?.with(place, after);
      bucket.version.value = bucket.version.peek() + 1;
    }
    return true;
  }

  #bucket(key: string): Bucket<T> {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, (bucket = emptyBucket()));
    return bucket;
  }
}

/**
 * A keyed, ordered, indexed set. Changes must happen inside a `batch` of signals (the store's transaction does that), so that
 * readers run once for all of them.
 */
export class Collection<T> {
  readonly #order: (a: T, b: T) => number;
  readonly #items = new Map<string, T>();
  readonly #cells = new Map<string, Signal<T | undefined>>();
  readonly #followers = new Set<Change<T>>();
  readonly #all: Index<T>;

  constructor(order: (a: T, b: T) => number) {
    this.#order = order;
    this.#all = this.index(() => ['']);
  }

  /** One value. The reader depends on this key alone, present or not. */
  get(key: string): T | undefined {
    let cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, (cell = signal(this.#items.get(key))));
    return cell.value;
  }

  /** Every value, in order. The reader depends on all of them. */
  all(): readonly T[] {
    return this.#all.get('');
  }

  /** Sets or, with undefined, removes a value. */
  set(key: string, after: T | undefined): void {
    const before = this.#items.get(key);
    if (before === after) return;
    if (after === undefined) this.#items.delete(key);
    else this.#items.set(key, after);
    const cell = this.#cells.get(key);
    if (cell !== undefined) cell.value = after;
    for (const follower of this.#followers) follower(key, before, after);
  }

  index(keysOf: (value: T) => Iterable<string>): Index<T> {
    const index = new Index(keysOf, this.#order);
    this.#follow((key, before, after) => index.update(key, before, after));
    return index;
  }

  /**
   * A collection made from this one by a pure function of each value; it follows every change. The function names its results:
   * names must be unique over the whole derived collection, or start with the source's key.
   */
  derive<U>(order: (a: U, b: U) => number, make: (value: T, key: string) => Iterable<readonly [string, U]>): Collection<U> {
    const derived = new Collection<U>(order);
    const made = new Map<string, readonly string[]>();
    this.#follow((key, _before, after) => {
      const results = after === undefined ? [] : [...make(after, key)];
      const names = results.map(([name]) => name);
      for (const old of made.get(key) ?? []) if (!names.includes(old)) derived.set(old, undefined);
      for (const [name, value] of results) derived.set(name, value);
      if (names.length === 0) made.delete(key);
      else made.set(key, names);
    });
    return derived;
  }

  /**
   * A collection of one value for each of this one, made from it and from others here: `reads` names those by key, and the value is
   * made again when one of them changes, comes or goes.
   */
  deriveJoined<U>(
    order: (a: U, b: U) => number,
    reads: (value: T) => Iterable<string>,
    make: (value: T, at: (key: string) => T | undefined) => U,
  ): Collection<U> {
    const derived = new Collection<U>(order);
    const readers = new Map<string, Set<string>>();
    const at = (key: string): T | undefined => this.#items.get(key);
    const remake = (key: string): void => {
      const value = this.#items.get(key);
      derived.set(key, value === undefined ? undefined : make(value, at));
    };
    this.#follow((key, before, after) => {
      for (const other of before === undefined ? [] : reads(before)) {
        const left = readers.get(other);
        left?.delete(key);
        if (left?.size === 0) readers.delete(other);
      }
      for (const other of after === undefined ? [] : reads(after)) {
        const asking = readers.get(other);
        if (asking === undefined) readers.set(other, new Set([key]));
        else asking.add(key);
      }
      for (const reader of new Set([key, ...(readers.get(key) ?? [])])) remake(reader);
    });
    return derived;
  }

  /** Copies everything, and every change, of this collection into another, or whatever takes it; the answer ends that. */
  feed(target: Pick<Collection<T>, 'set'>): () => void {
    const follower: Change<T> = (key, _before, after) => target.set(key, after);
    this.#follow(follower);
    return () => void this.#followers.delete(follower);
  }

  #follow(follower: Change<T>): void {
    this.#followers.add(follower);
    for (const [key, value] of this.#items) follower(key, undefined, value);
  }
}
