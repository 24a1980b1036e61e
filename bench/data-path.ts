// Data path: CPU per request of two sidecars as Lateen programs them, against the same two Envoys as plain HTTP proxies.

import { writeFileSync } from 'node:fs';
import { findEnvoy } from '../src/node/envoy-binary.ts';
import type { RunningMesh } from '../test/support/mesh.ts';
import { until } from '../test/support/until.ts';
import { callerEnvoy, mutualTls, plainPort, serverEnvoy, tlsPort } from './support/load-envoys.ts';
import type { FirstAnswer } from './support/load-first-answer.ts';
import type { Span } from './support/load-generator.ts';
import type { OriginTimes } from './support/load-origin.ts';
import { caller, converse, deployment, manifest, origin, originPort, program, server, startWith } from './support/mesh.ts';
import { strictMutualTls, urlOf, whyNot, type Conversation } from './support/mesh.ts';
import { allowedCores, cpuTime, pin, processIn, whyNoTwoCores } from './support/processes.ts';
import { header, row, skip } from './support/report.ts';

const connections = 16;
const spanMs = 1600;
/** Before each span: how much of it a proxy records is found out in the first moments of a load. */
const settleMs = 600;
const warmUpMs = 1000;
const blocks = 5;
/** What access records may cost both sidecars, in CPU per request, at all the load that they can take. */
const recordsTarget = 1.1;
/** The Envoys share one core, so that their CPU is one currency; generators and origins have the other. */
const [envoyCore = 0, loadCore = 1] = allowedCores();

/** Only this caller, only GET. */
const onePolicy = (server: string): object => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: server },
  spec: {
    selector: { matchLabels: { app: server } },
    action: 'ALLOW',
    rules: [
      {
        from: [{ source: { principals: ['cluster.local/ns/default/sa/default'] } }],
        to: [{ operation: { methods: ['GET'] } }],
      },
    ],
  },
});

/** Two Envoys and the load that goes through them. */
interface Subject {
  readonly load: Conversation;
  readonly envoys: readonly number[];
}

interface Measured {
  readonly requests: number;
  readonly cpuNs: number;
  readonly milliseconds: number;
}

async function measure({ load, envoys }: Subject, milliseconds = spanMs): Promise<Measured> {
  load.say(String(settleMs));
  await load.line();
  const cpu = (): number => envoys.reduce((sum, pid) => sum + cpuTime(pid), 0);
  const before = cpu();
  load.say(String(milliseconds));
  const span = JSON.parse(await load.line()) as Span;
  return { ...span, cpuNs: cpu() - before };
}

const networkOf = async (mesh: RunningMesh, workload: string): Promise<string> =>
  (await mesh.exec(workload, ['readlink', '/proc/self/ns/net'])).trim();

/** A pair of pods with an Envoy each, of which the server has an origin: everything is put on its core. */
async function pinned(mesh: RunningMesh, client: string, serverName: string): Promise<readonly number[]> {
  const networks = [await networkOf(mesh, client), await networkOf(mesh, serverName)];
  const envoys = networks.map((network) => processIn(network, 'envoy'));
  for (const pid of envoys) pin(pid, envoyCore);
  pin(processIn(networks[1] ?? '', 'node'), loadCore);
  return envoys;
}

async function generator(mesh: RunningMesh, client: string, url: string): Promise<Conversation> {
  const pinning = ['taskset', '-c', String(loadCore)];
  const load = converse(mesh, client, [...pinning, ...program('load-generator', url, String(connections))]);
  await load.line();
  return load;
}

/** The comparison's pods, outside the mesh but on the same network. */
async function startPlainPair(mesh: RunningMesh): Promise<void> {
  const binary = await findEnvoy();
  const tls = await mutualTls();
  const proxy = (name: string, config: object) => {
    const file = `${mesh.state}/${name}.json`;
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    const flags = ['--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning'];
    return { name: 'proxy', command: [binary, '--config-path', file, ...flags], ports: [plainPort] };
  };
  const start = async (name: string, containers: Parameters<typeof deployment>[1]): Promise<string> => {
    await mesh.apply(manifest([deployment(name, containers, { inMesh: false })]));
    const isReady = async () => {
      const { ready, address } = await mesh.pod(name);
      return ready === `${containers.length}/${containers.length}` && address;
    };
    return until(isReady, () => `${name} to be ready`);
  };
  const address = await start('plain-server', [origin, proxy('plain-server', serverEnvoy(originPort, tls))]);
  await start('plain-client', [proxy('plain-client', callerEnvoy(address, tls))]);
}

/** Pairs of sidecars, by what they record. */
const recording = { lateen: 'true', whole: 'all', silent: 'false' } as const;

async function run(): Promise<void> {
  const pairs = Object.entries(recording).map(
    ([name, records]) => [name as keyof typeof recording, `${name}-client`, `${name}-server`, { records }] as const,
  );
  await using mesh = await startWith([
    strictMutualTls,
    ...pairs.flatMap(([, from, to, options]) => [onePolicy(to), caller(from, options), ...server(to, options)]),
  ]);
  await startPlainPair(mesh);
  await using stack = new AsyncDisposableStack();
  const subjects: Partial<Record<Name, Subject>> = {};
  for (const [name, from, to] of pairs) {
    const envoys = await pinned(mesh, from, to);
    await checkPath(mesh, from, to);
    subjects[name] = { load: stack.use(await generator(mesh, from, urlOf(to))), envoys };
  }
  const proxies = await pinned(mesh, 'plain-client', 'plain-server');
  const plain = stack.use(await generator(mesh, 'plain-client', `http://127.0.0.1:${plainPort}/`));
  const tls = stack.use(await generator(mesh, 'plain-client', `http://127.0.0.1:${tlsPort}/`));
  const { lateen, whole, silent } = subjects;
  if (lateen === undefined || whole === undefined || silent === undefined) throw new Error('a pair is missing');
  await compare({
    lateen,
    whole,
    silent,
    plain: { load: plain, envoys: proxies },
    tls: { load: tls, envoys: proxies },
    control: { load: plain, envoys: proxies },
  });
}

/** Without both sidecars on the way, the numbers would be those of something else. */
async function checkPath(mesh: RunningMesh, client: string, serverName: string): Promise<void> {
  await using asking = converse(mesh, client, program('load-first-answer', urlOf(serverName, '/times')));
  await asking.line();
  const { body } = JSON.parse(await asking.line()) as FirstAnswer;
  if ((JSON.parse(body) as OriginTimes).caller === undefined) throw new Error('the sidecars do not speak mutual TLS');
}

/** `control` is `plain` again: what differs between the two is noise. `silent` is `lateen` without access records, `whole` with all. */
const names = ['lateen', 'whole', 'silent', 'plain', 'tls', 'control'] as const;
type Name = (typeof names)[number];

/** Each stands as far before the middle as after it, so that what drifts over a block cancels out; who is first changes. */
function order(block: number): readonly Name[] {
  const start = block % names.length;
  const half = [...names.slice(start), ...names.slice(0, start)];
  return [...half, ...half.toReversed()];
}

async function compare(subjects: Readonly<Record<Name, Subject>>): Promise<void> {
  for (const name of ['lateen', 'whole', 'silent', 'plain', 'tls'] as const) await measure(subjects[name], warmUpMs);
  const seen: Record<Name, Measured>[] = [];
  for (let block = 0; block < blocks; block++) {
    const spans: [Name, Measured][] = [];
    for (const name of order(block)) spans.push([name, await measure(subjects[name])]);
    const sum = (name: Name): Measured =>
      spans
        .filter(([each]) => each === name)
        .map(([, span]) => span)
        .reduce(add);
    seen.push(Object.fromEntries(names.map((name) => [name, sum(name)])) as Record<Name, Measured>);
  }
  const ratios = (name: Name, to: Name): readonly number[] => seen.map((block) => cost(block[name]) / cost(block[to]));
  const ratio = (name: Name, to: Name): string => textOf(ratios(name, to));
  const textOf = (ratios: readonly number[]): string =>
    `${median(ratios).toFixed(2)} × (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  const speed = (name: Name): string => {
    const spans = seen.map((block) => block[name]);
    const rps = median(spans.map(({ requests, milliseconds }) => (requests * 1000) / milliseconds));
    return `${rps.toFixed(0)} requests/s, ${(median(spans.map(cost)) / 1000).toFixed(0)} µs each`;
  };
  row('plain proxies', speed('plain'));
  row('plain proxies again (the noise)', `${ratio('control', 'plain')}, ${speed('control')}`);
  row('with mutual TLS', `${ratio('tls', 'plain')}, ${speed('tls')}`);
  row('as Lateen programs them', `${ratio('lateen', 'plain')}, ${speed('lateen')}`);
  row('  against those with mutual TLS', ratio('lateen', 'tls'));
  const records = ratios('lateen', 'silent');
  row(
    '  against those without access records',
    `${textOf(records)}, ${speed('silent')}`,
    `≤ ${recordsTarget} ×`,
    median(records) <= recordsTarget,
  );
  row('  those that record every request, against them', ratio('whole', 'silent'));
}

const add = (one: Measured, other: Measured): Measured => ({
  requests: one.requests + other.requests,
  cpuNs: one.cpuNs + other.cpuNs,
  milliseconds: one.milliseconds + other.milliseconds,
});

/** CPU nanoseconds of both Envoys for one request. */
const cost = ({ cpuNs, requests }: Measured): number => cpuNs / requests;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

header(
  `data path: CPU of two Envoys for a GET of 1 KB, ${connections} connections, ${blocks} blocks of ${2 * names.length} × ${spanMs / 1000} s`,
);
const obstacle = whyNoTwoCores() ?? (await whyNot());
if (obstacle === undefined) await run();
else skip(obstacle);
