// All views in use, found by class, type and names: streams that ask for the same share one, whatever order they name things in.

import type { Configuration } from '../compile/configuration.ts';
import type { ResourceType } from '../compile/resource.ts';
import type { Clock } from './clock.ts';
import { hostContent, isMapType, mapContent, NamedContent, type Looked } from './content.ts';
import { View, type Member } from './view.ts';
import type { Watches } from './watch.ts';

/** Above this many names a view is its stream's alone: comparing sets would cost more than sharing saves. */
const largestShared = 20_000;

export interface ViewsOptions {
  readonly watches: Watches;
  readonly clock: Clock;
  /** A view's content will be another after its next `refresh`. */
  readonly onTouch: (view: View) => void;
  /** How long a view outlives its last stream, so that a proxy that comes back finds its class compiled. Default 30,000 ms. */
  readonly lingerMs?: number;
  /** How many such views are kept at most. Default 2,000. */
  readonly lingering?: number;
}

export class Views {
  readonly #options: ViewsOptions;
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  readonly #byOwner = new Map<object, Map<string, View[]>>();
  readonly #idle = new Map<View, () => void>();

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** Views that streams look at now. */
  get size(): number {
    let size = 0;
    for (const buckets of this.#byOwner.values()) for (const bucket of buckets.values()) size += bucket.length;
    return size - this.#idle.size;
  }

  /** The view of a class's resources, of all (undefined) or by name; the names belong to the view from now on. */
  join(member: Member, configuration: Configuration, looked: Looked): View {
    const { type, names } = looked;
    const key = this.#key(looked);
    const owner = ownerOf(configuration, type);
    let buckets = this.#byOwner.get(owner);
    if (!buckets) this.#byOwner.set(owner, (buckets = new Map()));
    let bucket = buckets.get(key);
    if (!bucket) buckets.set(key, (bucket = []));
    let view = bucket.find((each) => sameNames(each.names, names));
    if (!view) {
      view = this.#open(configuration, looked);
      bucket.push(view);
    }
    view.members.add(member);
    this.#idle.get(view)?.();
    this.#idle.delete(view);
    return view;
  }

  /** The view for the names of `view` plus `add` less `remove`; the member has left the old one when this returns. */
  move(member: Member, view: View, add: readonly string[], remove: readonly string[]): View {
    if (view.members.size === 1 && !isMapType(view.type)) {
      this.#forget(view);
      view.rename(add, remove);
      const found = this.#bucket(view).find((each) => sameNames(each.names, view.names));
      if (!found) {
        this.#bucket(view).push(view);
        return view;
      }
      view.close();
      this.#idle.get(found)?.();
      this.#idle.delete(found);
      found.members.add(member);
      return found;
    }
    const names = new Set(view.names);
    for (const name of remove) names.delete(name);
    for (const name of add) names.add(name);
    const next = this.join(member, view.configuration, { type: view.type, names, table: view.table });
    if (next !== view) this.leave(member, view, false);
    return next;
  }

  leave(member: Member, view: View, linger: boolean): void {
    view.members.delete(member);
    if (view.members.size > 0) return;
    const close = () => {
      this.#idle.delete(view);
      this.#forget(view);
      view.close();
    };
    if (!linger || (view.names?.size ?? 0) > largestShared) return close();
    const { clock, lingerMs = 30_000, lingering = 2_000 } = this.#options;
    this.#idle.set(view, clock.after(lingerMs, close));
    for (const [oldest, callOff] of this.#idle) {
      if (this.#idle.size <= lingering) break;
      callOff();
      this.#idle.delete(oldest);
      this.#forget(oldest);
      oldest.close();
    }
  }

  /** Closes the views that only linger. */
  close(): void {
    for (const [view, callOff] of this.#idle) {
      callOff();
      this.#forget(view);
      view.close();
    }
    this.#idle.clear();
  }

  #open(configuration: Configuration, looked: Looked): View {
    const { watches, onTouch } = this.#options;
    const { type, names, table } = looked;
    const touch = () => onTouch(view);
    const content =
      type === 'host'
        ? hostContent(watches, configuration, { names, table }, touch)
        : isMapType(type)
          ? mapContent(watches, configuration, { type, names }, touch)
          : new NamedContent(watches, configuration, type, names ?? [], touch);
    const view: View = new View(configuration, looked, content);
    return view;
  }

  #bucket(view: View): View[] {
    const owner = ownerOf(view.configuration, view.type);
    let buckets = this.#byOwner.get(owner);
    if (!buckets) this.#byOwner.set(owner, (buckets = new Map()));
    const key = this.#key(view);
    let bucket = buckets.get(key);
    if (!bucket) buckets.set(key, (bucket = []));
    return bucket;
  }

  #forget(view: View): void {
    const key = this.#key(view);
    const owner = ownerOf(view.configuration, view.type);
    const buckets = this.#byOwner.get(owner);
    const bucket = buckets?.get(key);
    if (!buckets || !bucket) return;
    const rest = bucket.filter((each) => each !== view);
    if (rest.length > 0) buckets.set(key, rest);
    else buckets.delete(key);
    if (buckets.size === 0) this.#byOwner.delete(owner);
  }

  /** Names in any order give the same key; different names may too, so whoever finds by key still compares. */
  #key({ type, names, table }: Looked): string {
    if (names === undefined) return `${type} ${table} *`;
    if (names.size > largestShared) return `${type} ${table} alone`;
    let sum = 0;
    for (const name of names) {
      let hash = this.#seed;
      for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
      sum = (sum + Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)) | 0;
    }
    return `${type} ${table} ${names.size} ${sum}`;
  }
}

/** Whose a view is: endpoints belong to every class of their scope, all else to its class. */
const ownerOf = (configuration: Configuration, type: ResourceType): object =>
  (type === 'endpoint' ? configuration.endpointScope : undefined) ?? configuration;

function sameNames(left: ReadonlySet<string> | undefined, right: ReadonlySet<string> | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (left.size !== right.size || left.size > largestShared) return false;
  for (const name of left) if (!right.has(name)) return false;
  return true;
}
