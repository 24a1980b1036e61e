// Several sources as one: where two have an object of the same name, the upper one's counts. What control starts.

import type { Diagnostic } from '../api/diagnostic.ts';
import { refKey, refOf, refText, type ApiObject, type ObjectRef } from '../api/object.ts';
import type { Changes, Source } from './source.ts';

interface Layer {
  readonly source: Source;
  readonly objects: Map<string, ApiObject>;
  diagnostics: readonly Diagnostic[];
}

export class Layers implements Source {
  readonly name = 'layers';
  readonly #layers: readonly Layer[];

  /** The uppermost first: what a person applied stands above what the mesh was started with. */
  constructor(sources: readonly Source[]) {
    this.#layers = sources.map((source) => ({ source, objects: new Map(), diagnostics: [] }));
  }

  /** The names of the sources that have the object, the one that counts first. */
  holders(ref: ObjectRef): string[] {
    const key = refKey(ref);
    return this.#layers.filter(({ objects }) => objects.has(key)).map(({ source }) => source.name);
  }

  async start(onChange: (changes: Changes) => void): Promise<void> {
    let started = false;
    for (const layer of this.#layers) {
      await layer.source.start((changes) => {
        const merged = this.#merge(layer, changes);
        if (started) onChange(merged);
      });
    }
    started = true;
    const all = new Set(this.#layers.flatMap(({ objects }) => [...objects.keys()]));
    const upserts = [...all].map((key) => this.#effective(key)).filter((object) => object !== undefined);
    onChange({ upserts, deletes: [], diagnostics: this.#said() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { source } of this.#layers) await source[Symbol.asyncDispose]();
  }

  #merge(layer: Layer, { upserts, deletes, diagnostics }: Changes): Changes {
    const before = new Map<string, ApiObject | undefined>();
    const remember = (key: string): void => {
      if (!before.has(key)) before.set(key, this.#effective(key));
    };
    for (const object of upserts) {
      const key = refKey(refOf(object));
      remember(key);
      layer.objects.set(key, object);
    }
    for (const ref of deletes) {
      const key = refKey(ref);
      remember(key);
      layer.objects.delete(key);
    }
    layer.diagnostics = diagnostics;

    const merged: { upserts: ApiObject[]; deletes: ObjectRef[] } = { upserts: [], deletes: [] };
    for (const [key, was] of before) {
      const now = this.#effective(key);
      if (now !== undefined && now !== was) merged.upserts.push(now);
      if (now === undefined && was !== undefined) merged.deletes.push(refOf(was));
    }
    return { ...merged, diagnostics: this.#said() };
  }

  #effective(key: string): ApiObject | undefined {
    for (const { objects } of this.#layers) {
      const object = objects.get(key);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  #said(): Diagnostic[] {
    return [...this.#layers.flatMap(({ diagnostics }) => diagnostics), ...this.#covered()];
  }

  #covered(): Diagnostic[] {
    const covered: Diagnostic[] = [];
    const [top, ...lower] = this.#layers;
    for (const layer of lower) {
      for (const [key, object] of top?.objects ?? []) {
        const hidden = layer.objects.get(key);
        if (hidden !== undefined) covered.push(coveredBy(object, hidden));
      }
    }
    return covered;
  }
}

/** `LAT0104`: not an error, but a person who edits the file must learn why nothing happens. */
function coveredBy(object: ApiObject, hidden: ApiObject): Diagnostic {
  const ref = refOf(hidden);
  return {
    code: 'LAT0104',
    severity: 'info',
    object: ref,
    path: [],
    message: `what was applied from ${object.origin.source} counts instead of this ${refText(ref)}`,
    help: `lateen delete ${hidden.kind.toLowerCase()} ${ref.name} brings this one back`,
    file: hidden.origin.source,
    ...hidden.origin.position([]),
  };
}
