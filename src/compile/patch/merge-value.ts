// MERGE of a patch: a whole message, or the typed configuration of a filter or of a transport socket.

import { clone, type DescMessage, type Message } from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { merge, mergeAny, type Lists } from './merge.ts';
import type { Patch } from './patch.ts';

export const isMerge = ({ operation }: Patch): boolean => operation === 'MERGE' || operation === 'MERGE_AND_REPLACE_LIST';

const listsOf = ({ operation }: Patch): Lists => (operation === 'MERGE_AND_REPLACE_LIST' ? 'replace' : 'append');

export function mergeValue(schema: DescMessage, into: Message, patch: Patch, used: (patch: Patch) => void): void {
  if (patch.value === undefined) return;
  merge(schema, into, patch.value, listsOf(patch));
  used(patch);
}

/** A filter of any level, or a transport socket: what has a name and a typed configuration. */
export interface Typed {
  name: string;
  configType: { case: 'typedConfig'; value: Any } | { case: string; value: unknown } | { case: undefined; value?: undefined };
}

type TypedPatch = Omit<Patch, 'value'> & { readonly value: Typed | undefined };

/** A patch may rename what it merges into, and add to its configuration. What has none keeps it so. */
export function mergeTyped(into: Typed, patch: TypedPatch, used: (patch: Patch) => void, problem: (text: string) => void): void {
  const from = patch.value;
  if (from === undefined || into.configType.case !== 'typedConfig') return;
  if (from.name !== '') into.name = from.name;
  if (from.configType.case === 'typedConfig') {
    const merged = mergeAny(
      into.configType.value as Any,
      clone(AnySchema, from.configType.value as Any),
      listsOf(patch as Patch),
    );
    if (typeof merged === 'string') problem(merged);
    else into.configType = { case: 'typedConfig', value: merged };
  }
  used(patch as Patch);
}
