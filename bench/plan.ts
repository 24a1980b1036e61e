// A plan: how long it takes to say what one changed VirtualService changes in a mesh of 2,000 objects, once they are read, and which of
// 10,000 recorded requests it would have answered differently.

import { decode } from '../src/api/decode.ts';
import { meshConfigDefaults } from '../src/api/mesh-config.ts';
import type { ApiObject } from '../src/api/object.ts';
import { planProxies } from '../src/cli/plan/proxies.ts';
import { replaying } from '../src/cli/plan/replay/looks.ts';
import type { Sides } from '../src/cli/plan/sides.ts';
import { AssumedAddresses, withAssumed } from '../src/cli/why/assumed.ts';
import { registryFor, typesNamed } from '../src/control/message-registry.ts';
import { planOf, type Look, type MeshObjects } from '../src/explain/plan/compare.ts';
import { readManifest } from '../src/sources/manifest.ts';
import { distinctRequests } from '../src/telemetry/distinct-requests.ts';
import { manifests } from './support/manifests.ts';
import { recordedRow, type RecordedRow } from './support/recorded.ts';
import { header, row } from './support/report.ts';

const services = 500;
const rounds = 5;
const targetMs = 2000;
const recorded = 10_000;
const distinct = 1000;

const objectsOf = (seconds: number): ApiObject[] =>
  readManifest(manifests(services, seconds), 'mesh.yaml', decode).items.flatMap(({ object }) => object ?? []);

header(`a plan: the median of ${rounds} runs, the objects read already`);
const addresses = new AssumedAddresses();
const meshConfig = meshConfigDefaults();
const side = (written: readonly ApiObject[]): MeshObjects => {
  const { objects } = withAssumed(written, addresses);
  return { written, objects, meshConfig, proxies: planProxies({ objects, meshConfig }) };
};
const sides = (): Sides => ({ before: side(objectsOf(5)), after: side(objectsOf(9)) });

const spent = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

const plan = ({ before, after }: Sides, look?: { readonly before: Look; readonly after: Look }) =>
  planOf(before, after, async (resources) => registryFor(typesNamed([...resources].map(({ bytes }) => bytes))), look);

function summary(times: readonly number[]): { readonly median: number; readonly text: string } {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? Number.NaN;
  return { median, text: `${median.toFixed(0)} ms of CPU (${sorted[0]?.toFixed(0)}…${sorted.at(-1)?.toFixed(0)})` };
}

const times: number[] = [];
let changed = 0;
for (let round = 0; round < rounds; round++) {
  const both = sides();
  const began = process.cpuUsage();
  const { groups } = await plan(both);
  times.push(spent(began));
  changed = groups.reduce((sum, { changes }) => sum + changes.length, 0);
}
const planned = summary(times);
row(`plan of one change in ${services * 4} objects`, planned.text, `≤ ${targetMs} ms`, planned.median <= targetMs);
row('for how many workloads, in how many changes', `${services}, ${changed}`);

const rows: RecordedRow[] = Array.from({ length: recorded }, (_, index) => recordedRow(index % distinct, services));
const replays: number[] = [];
let told = '';
for (let round = 0; round < rounds; round++) {
  const both = sides();
  let own = 0;
  let began = process.cpuUsage();
  const replay = replaying({ ...distinctRequests(rows), unrecorded: 0 }, both);
  own += spent(began);
  const timed =
    (look: Look): Look =>
    (store, compiler) => {
      began = process.cpuUsage();
      look(store, compiler);
      own += spent(began);
    };
  await plan(both, { before: timed(replay.before), after: timed(replay.after) });
  replays.push(own);
  const { different, undecided, same } = replay.result();
  told = `${different}, ${undecided}, ${same}`;
}
row(`replay of ${recorded} records, ${distinct} of them distinct`, summary(replays).text);
row('answered differently, undecided, the same', told);
