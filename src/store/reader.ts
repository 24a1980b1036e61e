// A store as one reader has it, until the reader is closed: what it derives from the objects follows them no longer than it lives.

import type { ApiObject } from '../api/object.ts';
import { kindId } from '../api/kind.ts';
import { Collection, type Index } from './collection.ts';
import { byAge, type ClusterObjects } from './store.ts';

interface Shelf {
  readonly objects: Collection<ApiObject>;
  readonly byNamespace: Index<ApiObject>;
}

export class StoreReader implements Disposable {
  readonly #store: ClusterObjects;
  readonly #admits: (namespace: string) => boolean;
  readonly #shelves = new Map<string, Shelf>();
  readonly #ends: (() => void)[] = [];

  /** `admits`: whether the objects of a namespace are there for this reader; those of the cluster have the namespace ''. */
  constructor(store: ClusterObjects, admits: (namespace: string) => boolean = () => true) {
    this.#store = store;
    this.#admits = admits;
  }

  /** All objects of a kind. */
  kind(group: string, kind: string): Collection<ApiObject> {
    return this.#shelf(group, kind).objects;
  }

  inNamespace(group: string, kind: string, namespace: string): readonly ApiObject[] {
    return this.#shelf(group, kind).byNamespace.get(namespace);
  }

  /** From now on nothing that was read through this reader changes. */
  [Symbol.dispose](): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #shelf(group: string, kind: string): Shelf {
    const id = kindId(group, kind);
    let shelf = this.#shelves.get(id);
    if (shelf === undefined) {
      const objects = new Collection<ApiObject>(byAge);
      const set = (key: string, object: ApiObject | undefined): void =>
        objects.set(key, object !== undefined && this.#admits(object.metadata.namespace) ? object : undefined);
      this.#ends.push(this.#store.inEffect(group, kind).feed({ set }));
      this.#shelves.set(id, (shelf = { objects, byNamespace: objects.index((object) => [object.metadata.namespace]) }));
    }
    return shelf;
  }
}
