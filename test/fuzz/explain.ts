// The long run of the differential test of explain: `npm run fuzz:explain`. Each configuration has a seed of its own, so that a run
// goes on where another ended, and a disagreement is found again and shrunk to what it needs.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { askOf } from '../support/explain/asks.ts';
import { writeCase } from '../support/explain/cases.ts';
import { disagreementText, play, startProxy, type Disagreement } from '../support/explain/differential.ts';
import { scenePlay, type ScenePlay } from '../support/explain/scene.ts';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    seed: { type: 'string' },
    /** The configuration to begin with. */
    from: { type: 'string', default: '0' },
    asks: { type: 'string', default: '40' },
    /** So many disagreements end the run. */
    most: { type: 'string', default: '1' },
  },
});
const wanted = Number(options.cases);
const seed = Number(options.seed ?? Math.floor(Math.random() * 1_000_000));
// Each configuration is the first of its seed, which would always be a small one.
const arbitrary = fc.noBias(scenePlay(Number(options.asks)));
console.log(`seed ${seed}; to repeat: npm run fuzz:explain -- --seed ${seed}`);

await using proxy = await startProxy();
const began = performance.now();
const came = new Map<string, number>();
let cases = 0;
let found = 0;
let at = Number(options.from);
const again = (index: number): string => `npm run fuzz:explain -- --seed ${seed} --from ${index}`;
for (let told = began; cases < wanted && found < Number(options.most); at++) {
  const [given] = fc.sample(arbitrary, { seed: seed * 1_000_003 + at, numRuns: 1 });
  if (given === undefined) continue;
  const { cases: played, disagreements, came: outcomes } = await playedOf(given);
  cases += played;
  for (const outcome of outcomes) came.set(outcome, (came.get(outcome) ?? 0) + 1);
  const [first] = disagreements;
  if (first !== undefined) {
    found++;
    if (first.repeated === 0) keep(at, given, first);
    else await report(at, given, first);
  }
  if (performance.now() - told > 10_000) {
    told = performance.now();
    console.log(`${cases} cases, ${rate()} a second, ${found} disagreements; configuration ${at}`);
  }
}
for (const [outcome, count] of [...came].toSorted(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(7)} ${outcome}`);
console.log(
  `${cases} cases in ${at - Number(options.from)} configurations, ${rate()} a second, ${found} disagreements (seed ${seed})`,
);
process.exitCode = found === 0 ? 0 : 1;

function rate(): number {
  return Math.round(cases / ((performance.now() - began) / 1000));
}

function playedOf({ scene, asks }: ScenePlay) {
  return play(
    proxy,
    scene,
    asks.map((choice) => askOf(scene, choice)),
  );
}

/** Shrinks what differs again and again, tells it and writes it as a case. */
async function report(index: number, first: ScenePlay, found: Disagreement): Promise<void> {
  let smallest = { play: first, disagreement: found };
  const property = fc.asyncProperty(arbitrary, async (given) => {
    const disagreement = (await playedOf(given)).disagreements.find(({ repeated }) => repeated > 0);
    if (disagreement === undefined) return true;
    smallest = { play: given, disagreement };
    return false;
  });
  await fc.check(property, { seed: seed * 1_000_003 + index, numRuns: 1, interruptAfterTimeLimit: 60_000 });
  const { play: given, disagreement } = smallest;
  console.log(`configuration ${index} (${again(index)}):\n${disagreementText(given.scene, disagreement)}`);
  const file = disagreement.request === undefined ? undefined : writeCase(given.scene, disagreement);
  if (file !== undefined) console.log(`written to ${file}: what Envoy did is what is expected`);
}

/** What did not differ again is no case, and still means that proxy or test did something unknown: all that is known of it is kept. */
function keep(index: number, { scene }: ScenePlay, disagreement: Disagreement): void {
  const text = `configuration ${index} disagreed once, and not again (${again(index)}):\n${disagreementText(scene, disagreement)}\n`;
  console.log(text);
  const folder = join(import.meta.dirname, '../../.cache/fuzz');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `seed-${seed}-${index}.txt`);
  writeFileSync(file, text);
  console.log(`kept in ${file}`);
}
