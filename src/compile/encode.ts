// Messages → resources; and what keeps a value's identity while its bytes stay the same, so that nobody is woken for nothing.

import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import type { Init } from '../filters/any.ts';
import { versionOf, type Cause, type Resource } from './resource.ts';

/** Encodes a message once. Map fields are written in insertion order, so callers insert in a fixed order. */
export function resource<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  init: Init<Desc>,
  causes: readonly Cause[] = [],
): Resource {
  const bytes = toBinary(schema, create(schema, init as Parameters<typeof create<Desc>>[1]));
  return { name, version: versionOf(bytes), bytes, causes };
}

/** The earlier of two resources when they have the same bytes: identity says "unchanged". */
export function settle<Made extends Resource | undefined>(before: Resource | undefined, after: Made): Made | Resource {
  return before !== undefined && after !== undefined && before.version === after.version && before.name === after.name
    ? before
    : after;
}

/** Resources by name: each that has the bytes it had is the object it was, and the map is the same when nothing in it changed. */
export function settleAll(
  before: ReadonlyMap<string, Resource> | undefined,
  after: ReadonlyMap<string, Resource>,
): ReadonlyMap<string, Resource> {
  if (before === undefined) return after;
  const settled = new Map([...after].map(([name, now]) => [name, settle(before.get(name), now)] as const));
  const same = settled.size === before.size && [...settled].every(([name, now]) => before.get(name) === now);
  return same ? before : settled;
}

/** Two lists of names are the same list. */
export const settleNames = (before: readonly string[] | undefined, after: readonly string[]): readonly string[] =>
  before !== undefined && before.length === after.length && before.every((name, index) => name === after[index]) ? before : after;
