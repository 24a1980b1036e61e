// A replay beside a plan: each side is asked while the plan has it compiled.

import type { Look, MeshObjects } from '../../../explain/plan/compare.ts';
import type { StepOrigin } from '../../../explain/explanation.ts';
import { locateIn, nowhere, stepOrigin, type Locate } from '../../../explain/origins.ts';
import { replay, type Replay } from '../../../explain/replay/replay.ts';
import type { DistinctRequest, DistinctRequests } from '../../../telemetry/distinct-requests.ts';
import { meshWorld, type MeshWorld } from '../../why/mesh-world.ts';
import type { Sides } from '../sides.ts';
import { Replayed } from './ask.ts';

export interface Replaying {
  readonly before: Look;
  readonly after: Look;
  /** Once both sides were looked at. */
  readonly result: () => Replay;
}

export function replaying({ requests, more, unrecorded }: DistinctRequests, { before, after, running }: Sides): Replaying {
  const asked = new Replayed(running === undefined);
  let next: ReturnType<typeof replay<DistinctRequest>> | undefined;
  let result: Replay | undefined;
  return {
    before(store, compiler) {
      next = replay(requests, asked.before(worldOf(before, { store, compiler })));
    },
    after(store, compiler) {
      result = next?.(asked.after(worldOf(after, { store, compiler })));
    },
    result() {
      if (result === undefined) throw new Error('the sides were not looked at');
      const placed = withLines(result, locateIn(before.objects), locateIn(after.objects));
      return withMore({ ...placed, unrecorded }, more);
    },
  };
}

const worldOf = (
  side: MeshObjects,
  live: { readonly store: Parameters<Look>[0]; readonly compiler: Parameters<Look>[1] },
): MeshWorld =>
  // Lines are looked for once it is known which of them are told.
  meshWorld({ ...side, live, locate: nowhere });

function withLines(replayed: Replay, before: Locate, after: Locate): Replay {
  const placed = (origins: readonly StepOrigin[], locate: Locate): StepOrigin[] =>
    origins.map(({ object, path }) => stepOrigin(object, path, locate));
  return {
    ...replayed,
    differences: replayed.differences.map((group) => ({
      ...group,
      in: group.in.map((each) => ({
        ...each,
        beforeOrigins: placed(each.beforeOrigins, before),
        afterOrigins: placed(each.afterOrigins, after),
      })),
    })),
  };
}

function withMore(replayed: Replay, more: number): Replay {
  if (more === 0) return replayed;
  const why = 'more different requests than are asked again';
  return {
    ...replayed,
    recorded: replayed.recorded + more,
    notReplayed: [...replayed.notReplayed, { why, requests: more, examples: [] }],
  };
}
