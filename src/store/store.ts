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
  /** What is compiled: the objects, but for those in whose place an earlier form stands. Made when a kind is first read so. */
  inEffect?: Collection<ApiObject>;
  /** By key; such a form may outlive its object. Absent: the object is not in effect at all. */
  readonly earlier: Map<string, ApiObject | Absent>;
}

/** The earlier form of an object that was not there. */
export type Absent = 'absent';

/** Istio's order of objects: oldest first (none counts as the oldest), then name, then namespace. */
export function byAge(a: ApiObject, b: ApiObject): number {
  return (
    compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compareText(a.metadata.name, b.metadata.name) ||
    compareText(a.metadata.namespace, b.metadata.namespace)
  );
}

/** Kinds in whose place earlier forms may stand. */
const successive = new Set([
  ...['VirtualService', 'DestinationRule', 'ServiceEntry', 'Gateway'].map((kind) => kindId('networking.istio.io', kind)),
  kindId('', 'Service'),
]);

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

  /** The objects of a kind as they are compiled: an earlier form stands in the place of one that has to wait. */
  inEffect(group: string, kind: string): Collection<ApiObject> {
    const shelf = this.#shelf(group, kind);
    if (!successive.has(kindId(group, kind))) return shelf.objects;
    if (shelf.inEffect !== undefined) return shelf.inEffect;
    const { earlier, objects } = shelf;
    const inEffect = new Collection<ApiObject>(byAge);
    objects.feed({ set: (key, object) => inEffect.set(key, formOf(earlier.get(key), object)) });
    for (const [key, form] of earlier) inEffect.set(key, formOf(form, undefined));
    return (shelf.inEffect = inEffect);
  }

  /** From now on `form`, of a kind that has successions, is compiled in the place of the one of its name, be it there or not; undefined ends that. */
  standIn(ref: ObjectRef, form: ApiObject | Absent | undefined): void {
    const { earlier, objects, inEffect } = this.#shelf(ref.group, ref.kind);
    const key = objectKey(ref.namespace, ref.name);
    if (form === undefined) earlier.delete(key);
    else earlier.set(key, form);
    batch(() => inEffect?.set(key, formOf(form, objects.get(key))));
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
      shelf = { objects, byNamespace: objects.index((object) => [object.metadata.namespace]), earlier: new Map() };
      this.#shelves.set(id, shelf);
    }
    return shelf;
  }
}

const formOf = (earlier: ApiObject | Absent | undefined, present: ApiObject | undefined): ApiObject | undefined =>
  earlier === 'absent' ? undefined : (earlier ?? present);

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
