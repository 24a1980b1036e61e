// google.protobuf.Struct off the wire, as JSON: what a proxy says of itself is mostly that, and is read at its first word.

import { WireError, WireReader } from './wire.ts';

export type Json = null | number | string | boolean | readonly Json[] | { readonly [key: string]: Json };

/** Deeper than this nobody means it. */
const deepest = 100;

/** Throws WireError where the bytes are no Struct, or say what JSON cannot. */
export function readStruct(bytes: Uint8Array, depth = 0): { readonly [key: string]: Json } {
  if (depth > deepest) throw new WireError('a structure inside too many others');
  const entries: [string, Json][] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x0a) entries.push(readEntry(reader.bytes(), depth));
    else reader.skip(tag);
  }
  // Defines each key, whatever its name.
  return Object.fromEntries(entries);
}

function readEntry(bytes: Uint8Array, depth: number): [string, Json] {
  const reader = new WireReader(bytes);
  let key = '';
  let value: Json = null;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x0a) key = reader.text();
    else if (tag === 0x12) value = readValue(reader.bytes(), depth);
    else reader.skip(tag);
  }
  return [key, value];
}

/** The last of its kinds that is there counts. */
function readValue(bytes: Uint8Array, depth: number): Json {
  const reader = new WireReader(bytes);
  let value: Json = null;
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x08) {
      reader.varint();
      value = null;
    } else if (tag === 0x11) value = finite(reader.double());
    else if (tag === 0x1a) value = reader.text();
    else if (tag === 0x20) value = reader.varint() !== 0;
    else if (tag === 0x2a) value = readStruct(reader.bytes(), depth + 1);
    else if (tag === 0x32) value = readList(reader.bytes(), depth + 1);
    else reader.skip(tag);
  }
  return value;
}

function readList(bytes: Uint8Array, depth: number): Json[] {
  if (depth > deepest) throw new WireError('a list inside too many others');
  const values: Json[] = [];
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x0a) values.push(readValue(reader.bytes(), depth));
    else reader.skip(tag);
  }
  return values;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new WireError('a number that JSON has no word for');
  return value;
}
