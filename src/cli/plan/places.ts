// The lines of a plan's origins in the running mesh's files: what comes from the given manifests has its lines already.

import type { StepOrigin } from '../../explain/explanation.ts';
import type { Client } from '../client.ts';
import { runningPlaces } from '../running-mesh.ts';

/** The same data, with the place of each origin that has none and that the mesh knows. */
export async function withPlaces<Data>(data: Data, client: Client): Promise<Data> {
  const { locate, fetch } = runningPlaces(client);
  const place = (origin: StepOrigin): StepOrigin => {
    const found = origin.place ?? locate(origin.object, origin.path).place;
    return found === undefined ? origin : { ...origin, place: found };
  };
  eachOrigin(data, place);
  await fetch();
  return eachOrigin(data, place) as Data;
}

function eachOrigin(value: unknown, place: (origin: StepOrigin) => StepOrigin): unknown {
  if (Array.isArray(value)) return value.map((each) => eachOrigin(each, place));
  if (typeof value !== 'object' || value === null) return value;
  if (isOrigin(value)) return place(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, eachOrigin(each, place)]));
}

const isOrigin = (value: object): value is StepOrigin =>
  'object' in value && 'path' in value && typeof value.object === 'string' && typeof value.path === 'string';
