// Encoded resources opened for comparison, as messages and as JSON; each once.

import { fromBinary, toJson, type DescMessage, type JsonValue, type MessageShape, type Registry } from '@bufbuild/protobuf';
import type { Resource } from '../../compile/resource.ts';

export const messageOf = <Desc extends DescMessage>(schema: Desc, { bytes }: Resource): MessageShape<Desc> =>
  fromBinary(schema, bytes);

/** Protobuf-JSON; a message with a type that the registry lacks is told by its place alone. */
export function jsonOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, registry: Registry): JsonValue {
  try {
    return toJson(schema, message, { registry });
  } catch {
    return 'something that cannot be shown';
  }
}
