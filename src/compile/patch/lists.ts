// Patches of the items of a list: filters and routes, which are added, put before or after others, replaced and removed.

import { clone, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import type { ApplyTo, FilterClass, Patch, PatchedMessage } from './patch.ts';

/** What is patched, and who is told of each patch that changed something. */
export interface ListPatch<To extends ApplyTo> {
  readonly schema: DescMessage;
  readonly patches: readonly Patch<To>[];
  /** Whether a patch names an item at all: one that does not is about the list's ends. */
  readonly names: (patch: Patch<To>) => boolean;
  readonly matches: (patch: Patch<To>, item: PatchedMessage<To>) => boolean;
  readonly used: (patch: Patch<To>) => void;
  /** Where an added item of a class goes; undefined: at the end. */
  readonly placeOf?: (list: readonly PatchedMessage<To>[], filterClass: FilterClass) => number;
}

/** The list with everything done to it but MERGE. */
export function patchList<To extends ApplyTo>(
  items: readonly PatchedMessage<To>[],
  { schema, patches, names, matches, used, placeOf }: ListPatch<To>,
): PatchedMessage<To>[] {
  let list = [...items];
  for (const patch of patches) {
    const copy = copyOf(schema, patch);
    const { operation, filterClass } = patch;
    const next =
      operation === 'ADD' && filterClass !== undefined && placeOf !== undefined
        ? list.toSpliced(placeOf(list, filterClass), 0, ...copy)
        : afterOne(list, patch, names(patch), (item) => matches(patch, item), copy);
    if (next === undefined) continue;
    list = next;
    used(patch);
  }
  return list;
}

function copyOf<To extends ApplyTo>(schema: DescMessage, { value }: Patch<To>): PatchedMessage<To>[] {
  return value === undefined ? [] : [clone(schema, value as MessageShape<DescMessage>) as unknown as PatchedMessage<To>];
}

/** The list after one patch; undefined where the patch finds nothing to do. */
function afterOne<To extends ApplyTo>(
  list: readonly PatchedMessage<To>[],
  { operation }: Patch<To>,
  named: boolean,
  matches: (item: PatchedMessage<To>) => boolean,
  copy: readonly PatchedMessage<To>[],
): PatchedMessage<To>[] | undefined {
  const at = list.findIndex(matches);
  switch (operation) {
    case 'ADD':
      return [...list, ...copy];
    case 'INSERT_FIRST':
      return [...copy, ...list];
    case 'INSERT_BEFORE':
      if (!named) return [...copy, ...list];
      return at < 0 ? undefined : list.toSpliced(at, 0, ...copy);
    case 'INSERT_AFTER':
      if (!named) return [...list, ...copy];
      return at < 0 ? undefined : list.toSpliced(at + 1, 0, ...copy);
    case 'REPLACE':
      return !named || at < 0 ? undefined : list.with(at, ...(copy as [PatchedMessage<To>]));
    case 'REMOVE':
      return !named || at < 0 ? undefined : list.filter((item) => !matches(item));
    default:
      return undefined;
  }
}
