// Messages → resources, and cells of resources that wake nobody while their bytes stay the same.

import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import type { Init } from '../filters/any.ts';
import { computed, type ReadonlySignal } from '@preact/signals-core';
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
export const settle = (before: Resource | undefined, after: Resource | undefined): Resource | undefined =>
  before !== undefined && after !== undefined && before.version === after.version && before.name === after.name ? before : after;

/** Resources by name. The same map as before when nothing in it changed. */
export function settleAll(
  before: ReadonlyMap<string, Resource> | undefined,
  after: ReadonlyMap<string, Resource>,
): ReadonlyMap<string, Resource> {
  if (before === undefined || before.size !== after.size) return after;
  for (const [name, value] of after) if (before.get(name) !== value) return after;
  return before;
}

/** A computed cell whose value keeps its identity as long as `same` says so. */
export function settled<T>(compute: () => T, settleValue: (before: T | undefined, after: T) => T): ReadonlySignal<T> {
  let last: T | undefined;
  return computed(() => (last = settleValue(last, compute())));
}

/** Two lists of names are the same list. */
export const settleNames = (before: readonly string[] | undefined, after: readonly string[]): readonly string[] =>
  before !== undefined && before.length === after.length && before.every((name, index) => name === after[index]) ? before : after;
