// The store source: decodes what the embedded store holds and hands it, and every later change, to the mesh.

import type { Diagnostic } from '../api/diagnostic.ts';
import { refKey, originOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import type { EmbeddedStore, StoredObject } from './embedded/store.ts';
import type { StoreEvent, Subscription } from './embedded/watch-history.ts';
import type { Decode } from './manifest.ts';
import type { Changes, Source } from './source.ts';
import { originOfSpan } from './yaml.ts';

export class StoreSource implements Source {
  readonly name = 'store';
  readonly #store: EmbeddedStore;
  readonly #decode: Decode;
  readonly #diagnostics = new Map<string, readonly Diagnostic[]>();
  #subscription: Subscription | undefined;

  constructor(store: EmbeddedStore, decode: Decode) {
    this.#store = store;
    this.#decode = decode;
  }

  async start(onChange: (changes: Changes) => void): Promise<void> {
    const upserts: ApiObject[] = [];
    for (const stored of this.#store.list()) {
      const object = this.#object(stored);
      if (object !== undefined) upserts.push(object);
    }
    onChange({ upserts, deletes: [], diagnostics: this.#said() });
    this.#subscription = this.#store.watch(this.#store.resourceVersion(), (events) => onChange(this.#changes(events)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.close();
  }

  #changes(events: readonly StoreEvent[]): Changes {
    const upserts = new Map<string, ApiObject>();
    const deletes = new Map<string, ObjectRef>();
    for (const { type, object: stored } of events) {
      const key = refKey(stored.ref);
      upserts.delete(key);
      deletes.delete(key);
      if (type === 'DELETED') {
        this.#diagnostics.delete(key);
        deletes.set(key, stored.ref);
      } else {
        const object = this.#object(stored);
        if (object !== undefined) upserts.set(key, object);
      }
    }
    return { upserts: [...upserts.values()], deletes: [...deletes.values()], diagnostics: this.#said() };
  }

  #object(stored: StoredObject): ApiObject | undefined {
    const { object, diagnostics } = this.#decode(stored.document, stored.span ? originOfSpan(stored.span) : originOf('store'));
    if (diagnostics.length > 0) this.#diagnostics.set(refKey(stored.ref), diagnostics);
    else this.#diagnostics.delete(refKey(stored.ref));
    return object;
  }

  #said(): Diagnostic[] {
    return [...this.#diagnostics.values()].flat();
  }
}
