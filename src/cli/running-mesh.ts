// The mesh that runs, as its control plane's API tells of it: what is compiled, with the settings that it is compiled with. For verbs
// that compile it here again.

import { decode } from '../api/decode.ts';
import { originOf, type ApiObject } from '../api/object.ts';
import type { Document, MeshAnswer, PlacesAnswer } from '../control/api/contract.ts';
import { nowhere, type Field, type Locate } from '../explain/origins.ts';
import type { Client } from './client.ts';

export interface RunningMesh extends Omit<MeshAnswer, 'objects' | 'waiting'> {
  /** As they are compiled. */
  readonly objects: readonly ApiObject[];
  /** The present forms of those in whose place another is compiled, or none. */
  readonly waiting: readonly ApiObject[];
}

export async function runningMesh(client: Client): Promise<RunningMesh> {
  const answer = await client.get<MeshAnswer>('/v1/mesh');
  return { ...answer, objects: decoded(answer.objects), waiting: decoded(answer.waiting) };
}

const decoded = (documents: readonly Document[]): ApiObject[] =>
  documents.flatMap((document) => decode(document, originOf('the mesh')).object ?? []);

export interface RunningPlaces {
  /** Knows what was asked of it before the last `fetch`. */
  readonly locate: Locate;
  readonly fetch: () => Promise<void>;
}

/** Where the fields of the running mesh's objects stand in the files that it reads. */
export function runningPlaces(client: Client): RunningPlaces {
  const places = new Map<string, Field>();
  return {
    locate(object, path) {
      const key = `${object}#${path}`;
      let known = places.get(key);
      if (known === undefined) places.set(key, (known = nowhere(object, path)));
      return known;
    },
    async fetch() {
      const keys = [...places.keys()];
      const fields = keys.map((key) => {
        const hash = key.indexOf('#');
        return { object: key.slice(0, hash), path: key.slice(hash + 1) };
      });
      const { places: found } = await client.post<PlacesAnswer>('/v1/places', { fields });
      for (const [index, key] of keys.entries()) {
        const { path, place } = found[index] ?? {};
        if (path !== undefined) places.set(key, { path, place: place ?? undefined });
      }
    },
  };
}
