// The joint between the laptop platform and the mesh's objects: what it reads, and where it writes Pods, EndpointSlices and status.

import { effect } from '@preact/signals-core';
import { originOf, refOf, type ApiObject, type ObjectMeta, type ObjectRef, type Origin, type Path } from '../api/object.ts';
import { objectKey, type Store } from '../store/store.ts';

export interface Objects {
  /** Those in effect: a Service that rules still use is among them though it was deleted. */
  list(group: string, kind: string): readonly ApiObject[];
  get(ref: ObjectRef): ApiObject | undefined;
  /** Puts an object in place of the one with its name. */
  apply(object: ApiObject): void;
  delete(ref: ObjectRef): void;
  /** Runs changes as one: readers see all of them or none. */
  transaction(change: () => void): void;
  /** Calls after every change of a kind in the list; returns what ends that. It may call during the change: only note it then. */
  watch(kinds: readonly KindName[], changed: () => void): () => void;
}

export interface KindName {
  readonly group: string;
  readonly kind: string;
}

/** The mesh's store as the platform sees it. */
export const storeObjects = (store: Store): Objects => ({
  list: (group, kind) => store.inEffect(group, kind).all(),
  get: (ref) => store.kind(ref.group, ref.kind).get(objectKey(ref.namespace, ref.name)),
  apply: (object) => store.upsert(object),
  delete: (ref) => store.remove(ref),
  transaction: (change) => store.transaction(change),
  watch: (kinds, changed) => {
    const ends = kinds.map(({ group, kind }) =>
      effect(() => {
        // Reading the list is what subscribes to it.
        void store.inEffect(group, kind).all();
        changed();
      }),
    );
    return () => ends.forEach((end) => end());
  },
});

/** An object's document with a new value at its top level, such as `status`. */
export const withField = (object: ApiObject, field: string, value: unknown): ApiObject => ({
  ...object,
  body: { ...object.body, [field]: value },
});

export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<ObjectMeta> & { readonly name: string; readonly namespace: string } & Readonly<
      Record<string, unknown>
    >;
  readonly [field: string]: unknown;
}

/** An object of the platform's own making, with the origin of what caused it. */
export function newObject(document: NewObject, origin: Origin = originOf('lateen')): ApiObject {
  const { name, namespace, labels = {}, annotations = {}, creationTimestamp, uid } = document.metadata;
  return {
    apiVersion: document.apiVersion,
    kind: document.kind,
    metadata: {
      name,
      namespace,
      labels,
      annotations,
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(uid !== undefined && { uid }),
    },
    body: document,
    origin,
  };
}

/** The origin of what was made from a part of an object: `spec.containers[0]` of a pod stands at `spec.template.spec.containers[0]`. */
export const originWithin = (origin: Origin, prefix: Path): Origin => ({
  source: origin.source,
  position: (path) => origin.position([...prefix, ...path]),
});

/** Applies an object unless one that says the same is there already: a write that changes nothing must wake nobody. */
export function settle(objects: Objects, object: ApiObject): void {
  const before = objects.get(refOf(object));
  if (before !== undefined && JSON.stringify(before.body) === JSON.stringify(object.body)) return;
  objects.apply(object);
}
