// Patches tried on one resource: where they make something that Envoy would refuse, the EnvoyFilter to blame is left out of this
// resource, and the others stay.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { Patch } from './patch.ts';

export interface Made<Value> {
  readonly value: Value;
  /** The patches that changed something. */
  readonly used: readonly Patch[];
  /** What Envoy would refuse, in words. */
  readonly problems: readonly string[];
}

/** That a resource is made without an EnvoyFilter. */
export interface Refusal {
  /** The patch with which it goes wrong. */
  readonly patch: Patch;
  readonly resource: string;
  readonly problem: string;
}

export interface Attempt<Value> {
  readonly value: Value;
  readonly used: readonly Patch[];
  readonly refusals: readonly Refusal[];
}

/** The best of some patches: `make` applies a list of them to a fresh copy of the resource called `name`. */
export function attempt<Value>(
  name: string,
  patches: readonly Patch[],
  make: (patches: readonly Patch[]) => Made<Value>,
): Attempt<Value> {
  // What throws with patches is their fault like any other: the resource stays without them.
  const tried = (list: readonly Patch[]): Made<Value> => {
    try {
      return make(list);
    } catch (cause) {
      return { ...make([]), used: list, problems: [cause instanceof Error ? cause.message : String(cause)] };
    }
  };
  const made = tried(patches);
  if (made.problems.length === 0 || made.used.length === 0) return { value: made.value, used: made.used, refusals: [] };
  // What was there before the patches is not theirs to answer for.
  const before = new Set(make([]).problems);
  const problemOf = ({ problems }: Made<Value>): string | undefined => problems.find((problem) => !before.has(problem));
  const refusals: Refusal[] = [];
  let active = patches;
  let best = made;
  while (problemOf(best) !== undefined) {
    const { patch, problem } = blamed(active, (list) => problemOf(tried(list)));
    active = active.filter(({ object }) => object !== patch.object);
    refusals.push({ patch, resource: name, problem });
    best = tried(active);
  }
  return { value: best.value, used: best.used, refusals };
}

/** The first EnvoyFilter with which it goes wrong, and of its patches the first. */
function blamed(
  patches: readonly Patch[],
  problemWith: (patches: readonly Patch[]) => string | undefined,
): { readonly patch: Patch; readonly problem: string } {
  const objects = [...new Set(patches.map(({ object }) => object))];
  const guilty = objects.findIndex((_object, at) => {
    const others = objects.slice(0, at + 1);
    return problemWith(patches.filter(({ object }) => others.includes(object))) !== undefined;
  });
  const earlier = objects.slice(0, guilty);
  const own = patches.filter(({ object }) => object === objects[guilty]);
  for (const [at, patch] of own.entries()) {
    const upTo = own.slice(0, at + 1);
    const problem = problemWith(patches.filter((one) => earlier.includes(one.object) || upTo.includes(one)));
    if (problem !== undefined) return { patch, problem };
  }
  // The whole list goes wrong, or nobody would ask: one of its prefixes does.
  throw new Error('no patch is to blame');
}

/** One for each patch, however many resources it would spoil. */
export function refusalDiagnostics(refusals: readonly Refusal[]): Diagnostic[] {
  return [...Map.groupBy(refusals, ({ patch }) => patch)].map(([{ object, path }, list]) => {
    const [first] = list;
    // Without a count: classes of proxies differ in it, and would each say the same again.
    const are = list.length === 1 ? 'is' : 'and others are';
    return diagnose(object, path, {
      code: 'LAT1618',
      severity: 'error',
      message: `${first?.resource} ${are} made without this EnvoyFilter, with which ${first?.problem}`,
      help: 'correct the patch; Envoy would refuse the whole resource',
    });
  });
}
