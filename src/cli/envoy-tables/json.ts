// Reading protobuf-JSON whose shape Envoy's protos fix, without a type for each message: paths in, plain values out.

import type { JsonValue } from '@bufbuild/protobuf';

/** The value at a path; undefined where something on the way is missing. */
export function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue | undefined {
  let place: JsonValue | undefined = value;
  for (const step of path) {
    if (typeof place !== 'object' || place === null) return undefined;
    place = (place as Record<string | number, JsonValue | undefined>)[step];
  }
  return place;
}

export function text(value: JsonValue | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return found === undefined || found === null ? '' : typeof found === 'object' ? JSON.stringify(found) : String(found);
}

export function list(value: JsonValue | undefined, ...path: readonly (string | number)[]): readonly JsonValue[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
