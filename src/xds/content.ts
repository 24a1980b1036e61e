// What a view holds, read from a class's cells: a whole map of clusters, listeners or a table's hosts, or single resources by name.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource, ResourceType } from '../compile/resource.ts';
import { tableApart } from '../compile/route/apart.ts';
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
export type MapType = 'cluster' | 'listener' | 'host';

export const isMapType = (type: ResourceType): type is MapType => type === 'cluster' || type === 'listener' || type === 'host';

interface MapCell {
  readonly cell: ReadonlySignal<unknown>;
  /** Undefined while it cannot be computed: that is not the same as empty. */
  readonly read: () => ReadonlyMap<string, Resource> | undefined;
}

function mapOf(configuration: Configuration, type: MapType, table: string): MapCell {
  if (type !== 'host') {
    const cell = type === 'cluster' ? configuration.clusters : configuration.listeners;
    return { cell, read: () => readOr(cell, undefined) };
  }
  const cell = configuration.route(table);
  // The hosts of a table that is gone stay until nothing refers to it.
  return { cell, read: () => partsOf(readOr(cell, undefined))?.hosts };
}

const partsOf = (table: Resource | undefined) => table && tableApart(table);

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
  { type, names, table }: Looked & { readonly type: MapType },
  onTouch: () => void,
): Content {
  const { cell, read } = mapOf(configuration, type, table);
  let dirty = false;
  const watcher = {
    touch: () => {
      dirty = true;
      onTouch();
    },
  };
  watches.add(cell, type, watcher);
  let map = read();
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
      map = read() ?? map;
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
    this.#read =
      type === 'head' ? (cell) => partsOf(readOr(cell, undefined))?.head ?? 'unknown' : (cell) => readOr(cell, 'unknown');
    for (const name of names) this.add(name);
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
