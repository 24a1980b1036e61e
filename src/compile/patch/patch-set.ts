// The patches that one proxy gets in one context, by what they are applied to, in their order.

import { isForContext } from './match.ts';
import type { ApplyTo, Context, Patch } from './patch.ts';

export class PatchSet {
  readonly context: Context;
  readonly patches: readonly Patch[];
  readonly #byKind: ReadonlyMap<ApplyTo, readonly Patch[]>;

  constructor(context: Context, patches: readonly Patch[]) {
    this.context = context;
    this.patches = patches.filter((patch) => isForContext(patch, context));
    this.#byKind = Map.groupBy(this.patches, ({ applyTo }) => applyTo);
  }

  of<To extends ApplyTo>(applyTo: To): readonly Patch<To>[] {
    return (this.#byKind.get(applyTo) ?? []) as readonly Patch<To>[];
  }

  has(...kinds: readonly ApplyTo[]): boolean {
    return kinds.some((kind) => this.#byKind.has(kind));
  }

  /** The same without some patches. */
  only(patches: readonly Patch[]): PatchSet {
    return patches.length === this.patches.length ? this : new PatchSet(this.context, patches);
  }
}
