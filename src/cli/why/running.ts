// The mesh that runs, as its control plane's API tells of it: its objects, compiled here again, and where their fields stand.

import { decode } from '../../api/decode.ts';
import { originOf } from '../../api/object.ts';
import type { MeshAnswer, PlacesAnswer } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import type { WhyOptions } from '../verbs/why.ts';
import { meshWorld, type MeshWorld } from './mesh-world.ts';

export interface RunningWorld {
  readonly world: MeshWorld;
  /** Asks for the lines of all fields that were named so far: what is explained after that has them. */
  readonly locateAll: () => Promise<void>;
}

export async function runningWorld(options: WhyOptions): Promise<RunningWorld> {
  const client = connect(options);
  const { objects: documents, ...mesh } = await client.get<MeshAnswer>('/v1/mesh');
  const objects = documents.flatMap((document) => decode(document, originOf('the mesh')).object ?? []);
  const places = new Map<string, string | undefined>();
  const locate = (object: string, path: string): string | undefined => {
    const key = `${object}#${path}`;
    if (!places.has(key)) places.set(key, undefined);
    return places.get(key);
  };
  return {
    world: meshWorld({ objects, ...mesh, locate }),
    async locateAll() {
      const fields = [...places.keys()].map((key) => ({
        object: key.slice(0, key.indexOf('#')),
        path: key.slice(key.indexOf('#') + 1),
      }));
      const { places: found } = await client.post<PlacesAnswer>('/v1/places', { fields });
      for (const [index, { object, path }] of fields.entries()) places.set(`${object}#${path}`, found[index] ?? undefined);
    },
  };
}
