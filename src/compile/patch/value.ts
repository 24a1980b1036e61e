// A patch's value: YAML as people write it → the message of Envoy's API that it is meant to be.

import { fromJson, type DescMessage, type JsonValue, type Message } from '@bufbuild/protobuf';
import { isRecord } from '../../api/fit.ts';
import { messageType, typeName, types } from './types.ts';

export type ReadValue =
  | { readonly message: Message; /** What was left out of it, if anything. */ readonly ignored: string | undefined }
  | {
      readonly problem: string;
      /** The type that is not known, where that is the problem. */ readonly unknownType: string | undefined;
    };

/** Fields that the API does not have are left out, as Istio does; anything else that does not fit is a problem. */
export function readValue(schema: DescMessage, value: unknown): ReadValue {
  try {
    return readTyped(schema, value);
  } catch (cause) {
    // Such as a value nested deeper than the stack.
    return { problem: reason(cause), unknownType: undefined };
  }
}

function readTyped(schema: DescMessage, value: unknown): ReadValue {
  const json = typed(value) as JsonValue;
  const unknownType = findUnknownType(json);
  if (unknownType !== undefined) return { problem: `${unknownType} is no type that stock Envoy knows`, unknownType };
  try {
    return { message: fromJson(schema, json, { registry: types }), ignored: undefined };
  } catch (strict) {
    try {
      return { message: fromJson(schema, json, { registry: types, ignoreUnknownFields: true }), ignored: reason(strict) };
    } catch (cause) {
      return { problem: reason(cause), unknownType: undefined };
    }
  }
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Istio's users write typed structs; as the messages that they stand for they can be merged and checked. */
function typed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(typed);
  if (!isRecord(value)) return value;
  const made = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, typed(item)]));
  const url = made['@type'];
  if (typeof url !== 'string' || !/(^|\/)(udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/.test(url)) return made;
  const meant = made['type_url'] ?? made['typeUrl'];
  const inner = made['value'];
  if (typeof meant !== 'string' || messageType(typeName(meant)) === undefined) return made;
  return { '@type': meant.includes('/') ? meant : `type.googleapis.com/${meant}`, ...(isRecord(inner) ? inner : {}) };
}

/** The first type in a value, however deep, that is not known. */
function findUnknownType(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(findUnknownType).find((name) => name !== undefined);
  if (!isRecord(value)) return undefined;
  const struct = value['type_url'] ?? value['typeUrl'];
  for (const url of [value['@type'], '@type' in value ? struct : undefined]) {
    if (typeof url === 'string' && messageType(typeName(url)) === undefined) return typeName(url);
  }
  return Object.values(value)
    .map(findUnknownType)
    .find((name) => name !== undefined);
}
