// Tests of a mesh: how long a thousand of them take, once manifests and tests are read.

import { decode } from '../src/api/decode.ts';
import { meshConfigDefaults } from '../src/api/mesh-config.ts';
import { runTest } from '../src/cli/test/results.ts';
import { withAssumed } from '../src/cli/why/assumed.ts';
import { meshWorld } from '../src/cli/why/mesh-world.ts';
import { readManifest } from '../src/sources/manifest.ts';
import { header, row } from './support/report.ts';
import { manifests } from './support/manifests.ts';

const services = 100;
const tests = 1000;
const rounds = 5;
const targetMs = 2000;

header(`tests: the median of ${rounds} runs, manifests read already`);
const items = readManifest(manifests(services, 5), 'mesh.yaml', decode).items;
const { objects } = withAssumed(items.flatMap(({ object }) => object ?? []));

/** Half of them take the first rule. */
const cases = Array.from({ length: tests }, (_, index) => {
  const service = index % services;
  const asking = index % 2 === 0;
  return {
    file: 'bench.test.yaml',
    line: undefined,
    test: {
      from: `svc-${(service + 1) % services}.ns-${(service + 1) % 20}`,
      request: `GET http://svc-${service}.ns-${service % 20}/`,
      ...(asking && { headers: { canary: 'please' } }),
      expect: { subset: asking ? 'v1' : '', arrives: true, decidedBy: `VirtualService/ns-${service % 20}/svc-${service}` },
    },
  };
});

const times: number[] = [];
for (let round = 0; round < rounds; round++) {
  const began = process.cpuUsage();
  const world = meshWorld({ objects, meshConfig: meshConfigDefaults() });
  const failed = cases.map((each) => runTest(each, world)).find(({ failures }) => failures.length > 0);
  if (failed !== undefined) throw new Error(failed.failures.join('\n'));
  const { user, system } = process.cpuUsage(began);
  times.push((user + system) / 1000);
}
times.sort((a, b) => a - b);
const median = times[rounds >> 1] ?? Number.NaN;
const text = `${median.toFixed(0)} ms of CPU (${times[0]?.toFixed(0)}…${times.at(-1)?.toFixed(0)})`;
row(`${tests} tests of ${services} services`, text, `≤ ${targetMs} ms`, median <= targetMs);
