// What `lateen plan` does: compiles both sides, compares them, tells what is another.

import { diagnosticJson } from '../../api/diagnostic.ts';
import { registryFor, typesNamed } from '../../control/message-registry.ts';
import { planOf } from '../../explain/plan/compare.ts';
import type { Plan } from '../../explain/plan/plan.ts';
import { exitCode } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import type { Terminal } from '../terminal.ts';
import type { PlanOptions } from '../verbs/plan.ts';
import { withPlaces } from './places.ts';
import { sidesOf } from './sides.ts';
import { printPlan } from './text.ts';

/** With `--exit-code`: something changes. */
const changes = 3;

export async function planFiles(paths: readonly string[], options: PlanOptions, terminal: Terminal): Promise<number> {
  const { before, after, running } = await sidesOf(paths, options, terminal);
  const found = await planOf(before, after, async (resources) =>
    registryFor(typesNamed([...resources].map(({ bytes }) => bytes))),
  );
  const plan = running === undefined ? found : { ...found, groups: await withPlaces(found.groups, running) };
  const { output } = options;
  if (isStructured(output)) await printStructured(plain(plan), output, terminal);
  else printPlan(plan, terminal, output === 'wide');
  return options.exitCode === true && plan.groups.length > 0 ? changes : exitCode.ok;
}

const plain = ({ diagnostics: { appear, disappear }, ...plan }: Plan): object => ({
  ...plan,
  diagnostics: { appear: appear.map(diagnosticJson), disappear: disappear.map(diagnosticJson) },
});
