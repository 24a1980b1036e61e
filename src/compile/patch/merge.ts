// MERGE as Istio does it: protobuf's merge, where scalars and durations are replaced, messages merged, lists appended, and entries
// of maps replaced. What stands in an Any is merged as the message it is where both are of one type.

import { clone, fromBinary, isFieldSet, toBinary, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { isWrapperDesc, type Any } from '@bufbuild/protobuf/wkt';
import { messageType, typeName } from './types.ts';

/** What becomes of a list that both have. */
export type Lists = 'append' | 'replace';

type Fields = Record<string, unknown>;
interface Choice {
  case: string | undefined;
  value?: unknown;
}

/** Merges `from` into `into`, both of one type. `from` stays as it is. */
export function merge(schema: DescMessage, into: Message, from: Message, lists: Lists): void {
  mergeFields(schema, into as unknown as Fields, clone(schema, from) as unknown as Fields, lists);
}

function mergeFields(schema: DescMessage, into: Fields, from: Fields, lists: Lists): void {
  for (const field of schema.fields) {
    if (isFieldSet(from as unknown as Message, field))
      set(into, field, merged(field, read(into, field), read(from, field), lists));
  }
}

const read = (message: Fields, field: DescField): unknown => {
  if (field.oneof === undefined) return message[field.localName];
  const choice = message[field.oneof.localName] as Choice;
  return choice.case === field.localName ? choice.value : undefined;
};

const set = (message: Fields, field: DescField, value: unknown): void => {
  if (field.oneof === undefined) message[field.localName] = value;
  else message[field.oneof.localName] = { case: field.localName, value };
};

function merged(field: DescField, before: unknown, after: unknown, lists: Lists): unknown {
  switch (field.fieldKind) {
    case 'list':
      return lists === 'replace' ? after : [...(before as unknown[]), ...(after as unknown[])];
    case 'map':
      return { ...(before as Fields), ...(after as Fields) };
    case 'message': {
      const { message } = field;
      if (before === undefined || isWrapperDesc(message) || replaced.has(message.typeName)) return after;
      if (message.typeName === 'google.protobuf.Struct') return { ...(before as Fields), ...(after as Fields) };
      mergeFields(message, before as Fields, after as Fields, lists);
      return before;
    }
    default:
      return after;
  }
}

/** A duration is one value: half of each would be a third. */
const replaced = new Set(['google.protobuf.Duration', 'google.protobuf.Timestamp', 'google.protobuf.Any']);

/** What both hold, as one; the reason where they cannot be merged. */
export function mergeAny(into: Any, from: Any, lists: Lists): Any | string {
  if (into.typeUrl !== from.typeUrl) return `${typeName(from.typeUrl)} cannot be merged into ${typeName(into.typeUrl)}`;
  const schema = messageType(typeName(into.typeUrl));
  if (schema === undefined) return `${typeName(into.typeUrl)} is not known`;
  const message = fromBinary(schema, into.value);
  merge(schema, message, fromBinary(schema, from.value), lists);
  return { ...into, value: toBinary(schema, message) };
}
