// The benchmark command: runs the benchmarks one after the other, each in a process of its own, and ends with a table of the targets.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { whyNoTwoCores } from './support/processes.ts';
import { header, skip, tableLine, verdictOf, type Row, type Told } from './support/report.ts';

const names = ['command', 'compile', 'why', 'plan', 'analyze', 'test', 'push', 'memory', 'start', 'data-path'] as const;
type Name = (typeof names)[number];

const usage = `Usage: npm run bench [-- options]

  --only NAME   one of ${names.join(', ')}; can be given several times
  --strict      a missed target is an error too
  --help        this text

Ends with 0 when every benchmark ran or was skipped, 1 when one broke, 2 when an option is wrong.`;

interface Outcome {
  readonly name: Name;
  readonly rows: readonly Row[];
  readonly skipped: string | undefined;
  readonly broke: boolean;
}

async function run(name: Name): Promise<Outcome> {
  // Its server and its clients are kept on a core each; the others look for themselves.
  const obstacle = name === 'push' ? whyNoTwoCores() : undefined;
  if (obstacle !== undefined) {
    skip(obstacle);
    return { name, rows: [], skipped: obstacle, broke: false };
  }
  const script = new URL(`${name}.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const rows: Row[] = [];
  let skipped: string | undefined;
  child.on('message', (told: Told) => {
    if ('skipped' in told) skipped = told.skipped;
    else rows.push(told);
  });
  // Both, so that no row is still on its way.
  await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  return { name, rows, skipped, broke: child.exitCode !== 0 };
}

function options(): { readonly chosen: readonly Name[]; readonly strict: boolean } | { readonly exit: number } {
  try {
    const { values } = parseArgs({
      options: { only: { type: 'string', multiple: true }, strict: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    const { only = [], strict = false, help = false } = values;
    if (help) {
      console.log(usage);
      return { exit: 0 };
    }
    const unknown = only.find((name) => !names.some((each) => each === name));
    if (unknown !== undefined) throw new Error(`there is no benchmark ${unknown}`);
    return { chosen: names.filter((name) => only.length === 0 || only.includes(name)), strict };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return { exit: 2 };
  }
}

async function main(): Promise<number> {
  const given = options();
  if ('exit' in given) return given.exit;
  const outcomes: Outcome[] = [];
  const load = (): string => `load of the machine ${loadavg()[0]?.toFixed(1)}`;
  for (const name of given.chosen) {
    console.log(`\n# ${name} (${load()})`);
    outcomes.push(await run(name));
  }
  header(`targets (${load()})`);
  for (const { name, rows, skipped, broke } of outcomes) {
    for (const each of rows)
      if (each.met !== undefined) console.log(tableLine(each.what, each.value, each.target, verdictOf(each)));
    if (skipped !== undefined) console.log(tableLine(name, skipped, '', 'SKIPPED'));
    if (broke) console.log(tableLine(name, 'see its output above', '', 'BROKE'));
  }
  const missed = outcomes.some(({ rows }) => rows.some(({ met }) => met === false));
  return outcomes.some(({ broke }) => broke) || (given.strict && missed) ? 1 : 0;
}

process.exitCode = await main();
