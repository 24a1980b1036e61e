// What `lateen plan` does: compiles both sides, compares them, asks recorded requests again of both, tells what is another.

import { diagnosticJson } from '../../api/diagnostic.ts';
import { registryFor, typesNamed } from '../../control/message-registry.ts';
import { planOf } from '../../explain/plan/compare.ts';
import type { Plan } from '../../explain/plan/plan.ts';
import type { Replay } from '../../explain/replay/replay.ts';
import { exitCode } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import type { Terminal } from '../terminal.ts';
import type { PlanOptions } from '../verbs/plan.ts';
import { withPlaces } from './places.ts';
import { replaying } from './replay/looks.ts';
import { recordedRequests } from './replay/recorded.ts';
import { printReplay } from './replay/text.ts';
import { sidesOf } from './sides.ts';
import { printPlan } from './text.ts';

/** With `--exit-code`: something changes. */
const changes = 3;

export async function planFiles(paths: readonly string[], options: PlanOptions, terminal: Terminal): Promise<number> {
  const sides = await sidesOf(paths, options, terminal);
  const replay = options.replay === undefined ? undefined : replaying(await recordedRequests(options), sides);
  const plan = await planOf(
    sides.before,
    sides.after,
    async (resources) => registryFor(typesNamed([...resources].map(({ bytes }) => bytes))),
    replay,
  );
  const { running } = sides;
  const found: Found = { ...plan, ...(replay && { replay: replay.result() }) };
  const { groups, replay: replayed } = running === undefined ? found : await withPlaces(shown(found), running);
  await print({ ...found, groups, ...(replayed && { replay: replayed }) }, options, terminal);
  return options.exitCode === true && groups.length > 0 ? changes : exitCode.ok;
}

type Found = Plan & { readonly replay?: Replay };

const shown = ({ groups, replay }: Found): Pick<Found, 'groups' | 'replay'> => ({ groups, ...(replay && { replay }) });

async function print(found: Found, { output, examples }: PlanOptions, terminal: Terminal): Promise<void> {
  const { replay } = found;
  if (isStructured(output)) {
    const most = examples === undefined ? undefined : Number(examples);
    return printStructured(plain({ ...found, ...(replay && { replay: withExamples(replay, most) }) }), output, terminal);
  }
  const wide = output === 'wide';
  printPlan(found, terminal, wide);
  if (replay !== undefined) printReplay(replay, terminal, { examples: Number(examples ?? 3), wide });
}

function withExamples(replay: Replay, most: number | undefined): Replay {
  const few = <Group extends { readonly examples: readonly unknown[] }>(group: Group): Group => ({
    ...group,
    examples: group.examples.slice(0, most),
  });
  return {
    ...replay,
    differences: replay.differences.map(few),
    undecidedBy: replay.undecidedBy.map(few),
    notReplayed: replay.notReplayed.map(few),
    answeredOtherwise: replay.answeredOtherwise && few(replay.answeredOtherwise),
  };
}

const plain = ({ diagnostics: { appear, disappear }, ...plan }: Found): object => ({
  ...plan,
  diagnostics: { appear: appear.map(diagnosticJson), disappear: disappear.map(diagnosticJson) },
});
