// Control plane: 1,000 delta-ADS clients of 200 classes over 1,000 services. First sync, one endpoint, one VirtualService,
// metadata only, kill and restart. Prints each measure beside its target.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { startFleet } from './support/fleet.ts';
import type { Measured, ServerAnswer, ServerCommand } from './support/push-protocol.ts';
import { header, row } from './support/report.ts';
import { clusterOf, endpointSlice, node, virtualService, type WorldSize } from './support/world.ts';

const clients = Number(process.env['BENCH_CLIENTS'] ?? 1000);
const size: WorldSize = {
  services: Number(process.env['BENCH_SERVICES'] ?? 1000),
  namespaces: Math.min(200, clients),
  endpoints: 3,
};
/** Even, so that the endpoint that is taken away is back at the end. */
const rounds = 16;
const quietMs = 600;
/** What istiod took of a core for one VirtualService of 1,000, per client: 28 s for 1,000 of them. */
const istiodMsPerClient = 28;

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  ask<Key extends string>(command: ServerCommand, key: Key): Promise<Extract<ServerAnswer, Record<Key, unknown>>[Key]>;
}

/** What bin/lateen gives Node for `lateen control`. */
const asControl = ['--min-semi-space-size=32', '--max-semi-space-size=64'];

async function startServer(port = 0): Promise<Server> {
  const script = new URL('push-server.ts', import.meta.url).pathname;
  const child = spawn(
    'taskset',
    ['-c', '0', process.execPath, ...asControl, '--expose-gc', '--disable-warning=ExperimentalWarning', script, String(port)],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  const next = async (): Promise<ServerAnswer> => ((await once(child, 'message')) as [ServerAnswer])[0];
  const first = await next();
  if (!('listening' in first)) throw new Error('the server did not say where it listens');
  return {
    child,
    port: first.listening,
    async ask(command, key) {
      const answered = next();
      child.send(command);
      const answer = await answered;
      return answer[key as unknown as keyof typeof answer] as never;
    },
  };
}

const measure = (server: Server, collect = false): Promise<Measured> => server.ask({ do: 'measure', collect }, 'measured');

await using fleet = startFleet({ core: 1 });
let server = await startServer();
header(`control plane: ${clients} clients of ${size.namespaces} classes × ${size.services} services, server on one core`);

const loading = await measure(server);
await server.ask({ do: 'load', size }, 'done');
const loaded = await measure(server, true);
row('objects read into the store', `${((loaded.cpu - loading.cpu) / 1000).toFixed(2)} s CPU, ${mb(loaded.rss)} at rest`);

const proxies = Array.from({ length: clients }, (_, index) => node(index, size)).map(({ id, metadata }) => ({
  nodeId: id as string,
  metadata: metadata as Record<string, unknown>,
}));

{
  const began = performance.now();
  await fleet.tell({ do: 'connect', address: { host: '127.0.0.1', port: server.port }, proxies });
  const report = await fleet.ask({ do: 'wait', quietMs });
  const wall = performance.now() - began - quietMs;
  const after = await measure(server);
  complain(report.complete === clients && report.lost === 0, `${report.complete} of ${clients} complete, ${report.lost} lost`);
  row(
    'first sync of all',
    `${((after.cpu - loaded.cpu) / 1000).toFixed(2)} s CPU, ${(wall / 1000).toFixed(1)} s wall, ${mb(report.bytes)}`,
    '≤ 12 s CPU',
    (after.cpu - loaded.cpu) / 1000 <= 12,
  );
  row('messages encoded for it', String(after.encoded - loaded.encoded));
  const settled = await measure(server, true);
  const perProxy = (settled.rss - loaded.rss) / clients / 1000;
  row('memory per connected proxy', `${perProxy.toFixed(0)} KB`, '≤ 250 KB', perProxy <= 250);
}

/** One change: from the store to the last client's ACK. It is over when nothing came for `quiet` milliseconds. */
async function change(document: unknown, quiet: number, to = server) {
  await fleet.tell({ do: 'reset' });
  const before = await to.ask({ do: 'apply', document }, 'applied');
  const report = await fleet.ask({ do: 'wait', quietMs: quiet });
  const after = await measure(to);
  const acknowledged = report.lastAcks.filter((at) => at > 0);
  return {
    lastAckMs: (acknowledged.at(-1) ?? before.at) - before.at,
    cpuMs: after.cpu - before.cpu,
    encoded: after.encoded - before.encoded,
    bytes: report.bytes,
    resources: Object.values(report.resources).reduce((sum, count) => sum + count, 0),
    reached: acknowledged.length,
  };
}

{
  const results = [];
  for (let round = 0; round < rounds; round++)
    results.push(await change(endpointSlice(7, size, round % 2 === 0 ? 2 : undefined), 300));
  const wall = median(results.map(({ lastAckMs }) => lastAckMs));
  const cpu = median(results.map(({ cpuMs }) => (cpuMs * 1000) / clients));
  complain(
    results.every(({ reached }) => reached === clients),
    'an endpoint change did not reach every client',
  );
  row(
    'one endpoint: change to last ACK',
    `${wall.toFixed(0)} ms (${spread(results.map((each) => each.lastAckMs))})`,
    '≤ 100 ms',
    wall <= 100,
  );
  row(
    'one endpoint: CPU per client',
    `${cpu.toFixed(0)} µs (${spread(results.map((each) => (each.cpuMs * 1000) / clients))})`,
    '≤ 60 µs',
    cpu <= 60,
  );
}

/** One rule's timeout, five times. */
async function changeRules(to: Server, quiet: number) {
  const results = [];
  for (let round = 0; round < 5; round++)
    results.push(await change(virtualService(7, size, { timeout: `${6 + round}s` }), quiet, to));
  return results;
}

const wholeTables = await changeRules(server, 3000);
const wholeCpu = median(wholeTables.map(({ cpuMs }) => cpuMs));
{
  const results = wholeTables;
  const cpu = wholeCpu / 1000;
  const [first] = results;
  row(
    'one VirtualService: CPU for all',
    `${cpu.toFixed(2)} s, last ACK ${(median(results.map(({ lastAckMs }) => lastAckMs)) / 1000).toFixed(2)} s, ${mb(first?.bytes ?? 0)}`,
    '≤ 3 s',
    cpu <= 3,
  );
  row('one VirtualService: messages encoded', `${first?.encoded} (its own virtual host, and a head for each namespace's table)`);
}

{
  const result = await change(virtualService(7, size, { timeout: '10s', note: String(Date.now()) }), 3000);
  row('metadata only', `${result.bytes} bytes, ${result.cpuMs.toFixed(0)} ms CPU`, '0 bytes', result.bytes === 0);
}

{
  await fleet.tell({ do: 'disconnect', keep: true });
  server.child.kill('SIGKILL');
  await once(server.child, 'exit');
  const began = performance.now();
  server = await startServer(server.port);
  await server.ask({ do: 'load', size }, 'done');
  await server.ask({ do: 'apply', document: virtualService(7, size, { timeout: '10s' }) }, 'applied');
  const before = await measure(server);
  await fleet.tell({ do: 'reset' });
  await fleet.tell({ do: 'connect', address: { host: '127.0.0.1', port: server.port }, proxies });
  const report = await fleet.ask({ do: 'wait', quietMs });
  const after = await measure(server);
  const wall = (performance.now() - began - quietMs) / 1000;
  const again = Object.values(report.resources).reduce((sum, count) => sum + count, 0);
  row('killed and restarted: resources sent again', String(again), '0', again === 0);
  row(
    'killed and restarted: all settled',
    `${wall.toFixed(1)} s wall, ${((after.cpu - before.cpu) / 1000).toFixed(2)} s CPU`,
    '≤ 10 s',
    wall <= 10,
  );
}

server.child.send({ do: 'exit' } satisfies ServerCommand);

/** A fleet on demand in a world of its own, each of which calls ten services, other namespaces' among them. */
async function connectOnDemand(world: WorldSize) {
  const demanding = await startServer();
  await demanding.ask({ do: 'load', size: world }, 'done');
  const before = await measure(demanding, true);
  const asking = proxies.map(({ nodeId, metadata }, index) => ({
    nodeId,
    metadata: { ...metadata, LATEEN_DELIVERY: 'demand' },
    calls: Array.from({ length: 10 }, (_, call) => clusterOf((index * 7 + call * 31) % size.services, world)),
  }));
  await fleet.tell({ do: 'disconnect', keep: false });
  await fleet.tell({ do: 'reset' });
  await fleet.tell({ do: 'connect', address: { host: '127.0.0.1', port: demanding.port }, proxies: asking });
  const report = await fleet.ask({ do: 'wait', quietMs });
  const after = await measure(demanding);
  complain(report.complete === clients && report.lost === 0, `${report.complete} of ${clients} complete, ${report.lost} lost`);
  const settled = await measure(demanding, true);
  const perProxy = (settled.rss - before.rss) / clients / 1000;
  return { demanding, cpu: (after.cpu - before.cpu) / 1000, bytes: report.bytes, perProxy };
}

{
  const { demanding, cpu, bytes, perProxy } = await connectOnDemand({ ...size, ruled: 0 });
  const value = `${cpu.toFixed(2)} s CPU, ${mb(bytes)}, ${perProxy.toFixed(0)} KB per proxy`;
  row('first sync of all, on demand', value, '≤ 2 s CPU', cpu <= 2);
  demanding.child.send({ do: 'exit' } satisfies ServerCommand);
}

{
  const { demanding, cpu, bytes, perProxy } = await connectOnDemand(size);
  const value = `${cpu.toFixed(2)} s CPU, ${mb(bytes)}, ${perProxy.toFixed(0)} KB per proxy`;
  row('on demand, a rule for every service: first sync', value);
  const results = await changeRules(demanding, 600);
  complain(
    results.every(({ reached }) => reached === clients),
    'a rule did not reach every client on demand',
  );
  const [wholeBytes, hostBytes] = [wholeTables, results].map((each) => median(each.map((one) => one.bytes)));
  const hostCpu = median(results.map(({ cpuMs }) => cpuMs));
  const fewer = (wholeBytes ?? 0) / (hostBytes ?? 0);
  row(
    'one VirtualService, on demand: bytes',
    `${mb(hostBytes ?? 0)}, 1/${fewer.toFixed(0)} of whole tables`,
    '≤ 1/100',
    fewer >= 100,
  );
  const cheaper = (istiodMsPerClient * clients) / hostCpu;
  row(
    'one VirtualService, on demand: CPU for all',
    `${hostCpu.toFixed(0)} ms, 1/${cheaper.toFixed(0)} of istiod's whole tables, 1/${(wholeCpu / hostCpu).toFixed(1)} of our own`,
    '≤ 1/20',
    cheaper >= 20,
  );
  demanding.child.send({ do: 'exit' } satisfies ServerCommand);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function spread(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}

function complain(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
