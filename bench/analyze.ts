// An analysis: how long `lateen analyze` takes for 2,000 objects, from the start of its process to the end of its output, and what of that is
// the analysis itself, once the objects are read.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '../src/api/decode.ts';
import { meshConfigDefaults } from '../src/api/mesh-config.ts';
import { analyze } from '../src/explain/analyze/analyze.ts';
import { readManifest } from '../src/sources/manifest.ts';
import { manifests } from './support/manifests.ts';
import { header, row } from './support/report.ts';

const services = 500;
const rounds = 7;
const targetMs = 2000;
const lateen = new URL('../bin/lateen', import.meta.url).pathname;

const middle = (times: readonly number[]): string => {
  const sorted = times.toSorted((a, b) => a - b);
  return `${sorted[sorted.length >> 1]?.toFixed(0)} ms (${sorted[0]?.toFixed(0)}…${sorted.at(-1)?.toFixed(0)})`;
};
const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
const timed = (work: () => void): number => {
  const began = performance.now();
  work();
  return performance.now() - began;
};

const folder = mkdtempSync(join(tmpdir(), 'lateen-bench-'));
try {
  const text = manifests(services, 5);
  const file = join(folder, 'mesh.yaml');
  writeFileSync(file, text);
  header(`lateen analyze: the median of ${rounds} runs`);
  const command = (): void => void execFileSync(lateen, ['analyze', '-f', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  // The first run may fill the code cache.
  command();
  const whole = Array.from({ length: rounds }, () => timed(command));
  row(`analyze of ${services * 4} objects, the whole command`, middle(whole), `≤ ${targetMs} ms`, median(whole) <= targetMs);

  const objects = readManifest(text, 'mesh.yaml', decode).items.flatMap(({ object }) => object ?? []);
  const meshConfig = meshConfigDefaults();
  row(
    'of that the analysis, objects read',
    middle(Array.from({ length: rounds }, () => timed(() => analyze({ objects, meshConfig, whole: true })))),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
