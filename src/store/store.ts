// The objects of the mesh by kind, as reactive collections: what sources write and mesh/ reads.

import { batch, signal } from '@preact/signals-core';
import { kindId } from '../api/kind.ts';
import { groupOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import { meshConfigDefaults, type MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import { Collection, type Index } from './collection.ts';
import { compareText } from '../lib/order.ts';

interface Shelf {
  readonly objects: Collection<ApiObject>;
  readonly byNamespace: Index<ApiObject>;
}

/** Istio's order of objects: oldest first (none counts as the oldest), then name, then namespace. */
export function byAge(a: ApiObject, b: ApiObject): number {
  return (
    compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compareText(a.metadata.name, b.metadata.name) ||
    compareText(a.metadata.namespace, b.metadata.namespace)
  );
}

export const objectKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The objects of one cluster. */
export class ClusterObjects {
  readonly #shelves = new Map<string, Shelf>();

  /** All objects of a kind. */
  kind(group: string, kind: string): Collection<ApiObject> {
    return this.#shelf(group, kind).objects;
  }

  inNamespace(group: string, kind: string, namespace: string): readonly ApiObject[] {
    return this.#shelf(group, kind).byNamespace.get(namespace);
  }

  get(ref: ObjectRef): ApiObject | undefined {
    return this.#shelf(ref.group, ref.kind).objects.get(objectKey(ref.namespace, ref.name));
  }

  upsert(object: ApiObject): void {
    const { namespace, name } = object.metadata;
    batch(() => this.#shelf(groupOf(object.apiVersion), object.kind).objects.set(objectKey(namespace, name), object));
  }

  remove(ref: ObjectRef): void {
    batch(() => this.#shelf(ref.group, ref.kind).objects.set(objectKey(ref.namespace, ref.name), undefined));
  }

  #shelf(group: string, kind: string): Shelf {
    const id = kindId(group, kind);
    let shelf = this.#shelves.get(id);
    if (shelf === undefined) {
      const objects = new Collection<ApiObject>(byAge);
      shelf = { objects, byNamespace: objects.index((object) => [object.metadata.namespace]) };
      this.#shelves.set(id, shelf);
    }
    return shelf;
  }
}

/** The objects of the primary cluster, which configure the mesh, and what the mesh is made of besides. */
export class Store extends ClusterObjects {
  /** The mesh-wide configuration, Istio's defaults filled in. */
  readonly meshConfig = signal<MeshConfig>(meshConfigDefaults());
  /** Which addresses are on which network, and the gateways between networks. */
  readonly meshNetworks = signal<MeshNetworks>({});
  /** The name of the primary cluster. */
  readonly clusterId = signal('Kubernetes');
  /** The Kubernetes objects of the mesh's other clusters, by the clusters' names. */
  readonly remoteClusters = signal<ReadonlyMap<string, ClusterObjects>>(new Map());

  /** Runs changes as one: readers see all of them or none. */
  transaction<T>(change: () => T): T {
    return batch(change);
  }
}
