// What a view holds, read from a class's cells: a whole map of clusters, listeners or a table's hosts, or single resources by name.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource, ResourceType } from '../compile/resource.ts';
import { tableApart, type TableApart } from '../compile/route/apart.ts';
import { failureOf, readOr, type Watches } from './watch.ts';

/** A resource that became another, appeared or went. */
export interface Change {
  readonly name: string;
  /** What was there before, if anything was. */
  readonly before: Resource | undefined;
}

export interface Content {
  get(name: string): Resource | undefined;
  /** Whether it is known what stands under `name`, be it nothing: false until its cell was computed for the first time. */
  knows(name: string): boolean;
  /** Whether it is known which resources there are. */
  readonly known: boolean;
  /** Why some of it cannot be computed now; what was computed last stays. */
  failure(): string | undefined;
  /** All resources there are, in no particular order. */
  all(): Iterable<Resource>;
  /** Takes over what the cells say now, and tells what that changed. */
  refresh(): readonly Change[];
  close(): void;
}

const none: readonly Change[] = [];
const empty: ReadonlyMap<string, Resource> = new Map();

/** The types that come as one map, and so know wildcards. */
type MapType = 'cluster' | 'listener' | 'host';

export const isMapType = (type: ResourceType): type is MapType => type === 'cluster' || type === 'listener' || type === 'host';

/** What a view looks at. */
export interface Looked {
  readonly type: ResourceType;
  /** Undefined is a wildcard. */
  readonly names: ReadonlySet<string> | undefined;
  /** Whose hosts; of other types empty. */
  readonly table: string;
}

/** Everything of a map, or the part of it that `names` asks for. */
export function mapContent(
  watches: Watches,
  configuration: Configuration,
  { type, names }: Pick<Looked, 'names'> & { readonly type: Exclude<MapType, 'host'> },
  onTouch: () => void,
): Content {
  const cell = type === 'cluster' ? configuration.clusters : configuration.listeners;
  let dirty = false;
  const watcher = {
    touch: () => {
      dirty = true;
      onTouch();
    },
  };
  watches.add(cell, type, watcher);
  // Undefined as long as it could not be computed: that is not the same as empty.
  let map = readOr(cell, undefined);
  const wanted = (name: string) => names === undefined || names.has(name);
  return {
    get: (name) => (wanted(name) ? map?.get(name) : undefined),
    knows: () => map !== undefined,
    get known() {
      return map !== undefined;
    },
    failure: () => failureOf(cell),
    *all() {
      for (const resource of map?.values() ?? []) if (wanted(resource.name)) yield resource;
    },
    refresh() {
      if (!dirty) return none;
      dirty = false;
      const before = map ?? empty;
      map = readOr(cell, map);
      if (map === undefined) return none;
      const changes: Change[] = [];
      for (const [name, resource] of map) {
        const old = before.get(name);
        if (old?.version !== resource.version && wanted(name)) changes.push({ name, before: old });
      }
      for (const [name, old] of before) if (!map.has(name) && wanted(name)) changes.push({ name, before: old });
      return changes;
    },
    close: () => watches.remove(cell, watcher),
  };
}

/** The virtual hosts of a large table. Those of a table that is gone stay until nothing refers to it. */
export function hostContent(
  watches: Watches,
  configuration: Configuration,
  { names, table }: Pick<Looked, 'names' | 'table'>,
  onTouch: () => void,
): Content {
  const cell = configuration.route(table);
  let dirty = false;
  const watcher = {
    touch: () => {
      dirty = true;
      onTouch();
    },
  };
  watches.add(cell, table, watcher);
  let apart = apartNow(cell, undefined);
  const held = new Map(apart?.hosts);
  const wanted = (name: string) => names === undefined || names.has(name);
  const hold = (name: string, now: Resource | undefined, changes: Change[]) => {
    const before = held.get(name);
    if (now === undefined) held.delete(name);
    else held.set(name, now);
    if (before?.version !== now?.version && wanted(name)) changes.push({ name, before });
  };
  return {
    get: (name) => (wanted(name) ? held.get(name) : undefined),
    knows: () => apart !== undefined,
    get known() {
      return apart !== undefined;
    },
    failure: () => failureOf(cell),
    *all() {
      for (const host of held.values()) if (wanted(host.name)) yield host;
    },
    refresh() {
      if (!dirty) return none;
      dirty = false;
      const before = apart;
      apart = apartNow(cell, before) ?? before;
      if (apart === undefined || apart === before) return none;
      const changes: Change[] = [];
      if (apart.names === before?.names) {
        // By number: a thousand tables of a thousand hosts each are looked through.
        for (let place = 0; place < apart.pieces.length; place += 1) {
          if (apart.pieces[place] !== before.pieces[place]) hold(apart.names[place] ?? '', apart.at(place), changes);
        }
        return changes;
      }
      for (const [name, host] of apart.hosts) hold(name, host, changes);
      for (const name of held.keys()) if (!apart.hosts.has(name)) hold(name, undefined, changes);
      return changes;
    },
    close: () => watches.remove(cell, watcher),
  };
}

/** A table as it is sent now; undefined where it cannot be computed, is gone, or is none. */
function apartNow(cell: ReadonlySignal<Resource | undefined>, before: TableApart | undefined): TableApart | undefined {
  const table = readOr(cell, undefined);
  return table && tableApart(table, before);
}

/** Nothing that could be called for: proxies of this class have all there is. */
const never: ReadonlySignal<undefined> = computed(() => undefined);

interface Slot {
  readonly cell: ReadonlySignal<Resource | undefined>;
  /** `unknown` until the cell could be computed. */
  resource: Resource | undefined | 'unknown';
}

/** Resources of one type by name, each from a cell of its own. The names can change while only one stream looks. */
export class NamedContent implements Content {
  readonly #watches: Watches;
  readonly #cellOf: (name: string) => ReadonlySignal<Resource | undefined>;
  readonly #read: (cell: ReadonlySignal<Resource | undefined>) => Slot['resource'];
  readonly #onTouch: () => void;
  readonly #slots = new Map<string, Slot>();
  readonly #touched = new Set<string>();
  /** Of heads: the tables that they were taken from. */
  readonly #apart = new WeakMap<ReadonlySignal<unknown>, TableApart>();

  constructor(
    watches: Watches,
    configuration: Configuration,
    type: Exclude<ResourceType, MapType>,
    names: Iterable<string>,
    onTouch: () => void,
  ) {
    this.#watches = watches;
    this.#onTouch = onTouch;
    const cells = {
      endpoint: (name: string) => configuration.endpoints(name),
      route: (name: string) => configuration.route(name),
      secret: (name: string) => configuration.secret(name),
      called: (name: string) => configuration.called?.(name) ?? never,
      head: (name: string) => configuration.route(name),
    };
    this.#cellOf = cells[type];
    this.#read = type === 'head' ? (cell) => this.#headOf(cell) : (cell) => readOr(cell, 'unknown');
    for (const name of names) this.add(name);
  }

  #headOf(cell: ReadonlySignal<Resource | undefined>): Slot['resource'] {
    const apart = apartNow(cell, this.#apart.get(cell));
    if (apart === undefined) return 'unknown';
    this.#apart.set(cell, apart);
    return apart.head;
  }

  touch(name: string): void {
    this.#touched.add(name);
    this.#onTouch();
  }

  add(name: string): void {
    const cell = this.#cellOf(name);
    this.#watches.add(cell, name, this);
    this.#slots.set(name, { cell, resource: this.#read(cell) });
  }

  remove(name: string): void {
    const slot = this.#slots.get(name);
    if (!slot) return;
    this.#watches.remove(slot.cell, this);
    this.#slots.delete(name);
    this.#touched.delete(name);
  }

  get(name: string): Resource | undefined {
    const resource = this.#slots.get(name)?.resource;
    return resource === 'unknown' ? undefined : resource;
  }

  knows(name: string): boolean {
    return this.#slots.get(name)?.resource !== 'unknown';
  }

  get known(): boolean {
    return true;
  }

  failure(): string | undefined {
    for (const { cell } of this.#slots.values()) {
      const failure = failureOf(cell);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  *all(): Iterable<Resource> {
    for (const { resource } of this.#slots.values()) if (resource !== undefined && resource !== 'unknown') yield resource;
  }

  refresh(): readonly Change[] {
    if (this.#touched.size === 0) return none;
    const changes: Change[] = [];
    for (const name of this.#touched) {
      const slot = this.#slots.get(name);
      if (!slot) continue;
      const before = slot.resource;
      const now = this.#read(slot.cell);
      if (now === 'unknown') continue;
      slot.resource = now;
      // To learn that there is nothing is news, too: somebody may hold what was there long ago.
      if (before === 'unknown') changes.push({ name, before: undefined });
      else if (before?.version !== now?.version) changes.push({ name, before });
    }
    this.#touched.clear();
    return changes;
  }

  close(): void {
    for (const { cell } of this.#slots.values()) this.#watches.remove(cell, this);
    this.#slots.clear();
    this.#touched.clear();
  }
}
