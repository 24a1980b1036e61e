// A plan: how long it takes to say what one changed VirtualService changes in a mesh of 2,000 objects, once they are read.

import { decode } from '../src/api/decode.ts';
import { meshConfigDefaults } from '../src/api/mesh-config.ts';
import type { ApiObject } from '../src/api/object.ts';
import { planProxies } from '../src/cli/plan/proxies.ts';
import { AssumedAddresses, withAssumed } from '../src/cli/why/assumed.ts';
import { registryFor, typesNamed } from '../src/control/message-registry.ts';
import { planOf, type MeshObjects } from '../src/explain/plan/compare.ts';
import { readManifest } from '../src/sources/manifest.ts';
import { manifests } from './support/manifests.ts';
import { header, row } from './support/report.ts';

const services = 500;
const rounds = 5;
const targetMs = 2000;

const objectsOf = (seconds: number): ApiObject[] =>
  readManifest(manifests(services, seconds), 'mesh.yaml', decode).items.flatMap(({ object }) => object ?? []);

header(`a plan: the median of ${rounds} runs, the objects read already`);
const addresses = new AssumedAddresses();
const meshConfig = meshConfigDefaults();
const side = (written: readonly ApiObject[]): MeshObjects => {
  const { objects } = withAssumed(written, addresses);
  return { written, objects, meshConfig, proxies: planProxies({ objects, meshConfig }) };
};

const times: number[] = [];
let changed = 0;
for (let round = 0; round < rounds; round++) {
  const [before, after] = [side(objectsOf(5)), side(objectsOf(9))];
  const began = process.cpuUsage();
  const { groups } = await planOf(before, after, async (resources) =>
    registryFor(typesNamed([...resources].map(({ bytes }) => bytes))),
  );
  const { user, system } = process.cpuUsage(began);
  times.push((user + system) / 1000);
  changed = groups.reduce((sum, { changes }) => sum + changes.length, 0);
}
times.sort((a, b) => a - b);
const median = times[rounds >> 1] ?? Number.NaN;
const text = `${median.toFixed(0)} ms of CPU (${times[0]?.toFixed(0)}…${times.at(-1)?.toFixed(0)})`;
row(`plan of one change in ${services * 4} objects`, text, `≤ ${targetMs} ms`, median <= targetMs);
row('for how many workloads, in how many changes', `${services}, ${changed}`);
