// The mesh as whoever explains it compiles it again: every object in effect, the mesh's own configuration, and where fields stand.

import { kinds } from '../../api/index.ts';
import { refOf, type ApiObject } from '../../api/object.ts';
import { locateIn } from '../../explain/origins.ts';
import type { Store } from '../../store/store.ts';
import type { MeshAnswer, PlacesAnswer, PlacesRequest } from './contract.ts';
import { documentOf } from './names.ts';

/** Objects as they are compiled: an earlier form stands in the place of one that has to wait. */
export const objectsOf = (store: Store): ApiObject[] => kinds.flatMap(({ group, kind }) => store.inEffect(group, kind).all());

export function meshAnswer(store: Store, meshConfigFile: string | undefined): MeshAnswer {
  const inEffect = objectsOf(store);
  const compiled = new Set(inEffect);
  const present = kinds.flatMap(({ group, kind }) => store.kind(group, kind).all());
  return {
    meshConfig: store.meshConfig.value,
    meshConfigFile,
    meshNetworks: store.meshNetworks.value,
    clusterId: store.clusterId.value,
    objects: inEffect.map(documentOf),
    waiting: present.filter((object) => !compiled.has(object)).map(documentOf),
    staying: inEffect.map(refOf).filter((ref) => store.get(ref) === undefined),
  };
}

/** `bookinfo.yaml:12` of each field; null where the object came from nowhere that has lines. */
export function placesOf({ fields }: PlacesRequest, store: Store): PlacesAnswer {
  const locate = locateIn(objectsOf(store));
  return {
    places: fields.map((field) => {
      const { path, place = null } = locate(field.object, field.path);
      return { path, place };
    }),
  };
}
