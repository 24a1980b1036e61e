// One question: how long `lateen why` takes to answer in a mesh of 1,000 services, once its objects are loaded.

import { decode } from '../src/api/decode.ts';
import { meshConfigDefaults } from '../src/api/mesh-config.ts';
import { originOf } from '../src/api/object.ts';
import { ask } from '../src/cli/why/ask.ts';
import { meshWorld, type MeshProxy, type MeshWorld } from '../src/cli/why/mesh-world.ts';
import { questionOf } from '../src/cli/why/question.ts';
import { header, row } from './support/report.ts';
import { serviceHost, world, type WorldSize } from './support/world.ts';

const size: WorldSize = { services: 1000, namespaces: 20, endpoints: 3 };
const targetMs = 50;
const manner = { headers: [], version: 'HTTP/1.1' } as const;

const objects = [...world(size)].flatMap((document) => decode(document, originOf('world')).object ?? []);

/** A question about another service each time, and whether the answer followed it to its server. */
function answer(mesh: MeshWorld, caller: MeshProxy, index: number): boolean {
  const question = questionOf(['GET', `http://${serviceHost(index, size)}:8080/`]);
  if (question.kind !== 'http') throw new Error('it is a URL');
  const { journey } = ask(question, caller, manner, mesh);
  return journey?.onward.length === 1;
}

function timed(mesh: MeshWorld, caller: MeshProxy, index: number): number {
  const start = performance.now();
  if (!answer(mesh, caller, index)) throw new Error(`the question about service ${index} did not reach a server`);
  return performance.now() - start;
}

header(`why: one question in ${size.services} services, ${objects.length} objects`);
const started = performance.now();
const mesh = meshWorld({ objects, meshConfig: meshConfigDefaults() });
const caller = mesh.plainProxy('ns-0');
// The first question compiles the caller's listeners and its table; that is the load.
if (!answer(mesh, caller, 0)) throw new Error('the first question did not reach a server');
row('objects loaded, the first question answered', `${Math.round(performance.now() - started)} ms`);

const times = Array.from({ length: 200 }, (_, index) => timed(mesh, caller, 1 + index * 4)).sort((a, b) => a - b);
const middle = times[100] ?? 0;
const late = times[197] ?? 0;
row(
  'one question, each about another service',
  `median ${middle.toFixed(1)} ms, 99 of 100 below ${late.toFixed(1)} ms`,
  `<= ${targetMs} ms`,
  middle <= targetMs,
);
