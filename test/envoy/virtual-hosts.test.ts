// Virtual hosts one by one on the real Envoy: a large table's changes travel host by host, and no order of things sends a request past
// its rules.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { noMetrics, shortType } from '../../src/xds/metrics.ts';
import { request } from '../support/ask.ts';
import { until } from '../support/until.ts';
import { FakeCompiler, fakeCluster } from '../support/xds/fake-compiler.ts';
import { manyHosts, testTable, type TestHosts } from '../support/xds/tables.ts';
import { freePort, httpListener, startEnvoy } from '../support/xds/real-envoy.ts';

const limit = { timeout: 60_000 };

async function setUp(hosts: TestHosts) {
  const stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'lateen-vhds-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'xds');
  const [port, second] = [await freePort(), await freePort()];
  const compiler = new FakeCompiler();
  const a = compiler.class('a');
  a.put('cluster', fakeCluster('c', '', false));
  a.put('listener', httpListener('l80', port, '80'));
  a.put('route', testTable('80', hosts));
  const pushes: string[] = [];
  let bytes = 0;
  const serve = async () => {
    const metrics = {
      ...noMetrics,
      pushed(type: keyof typeof shortType, size: number) {
        pushes.push(shortType[type]);
        bytes += size;
      },
    };
    const ads = adsHandlers({ compiler, authorize: () => ({}), metrics });
    return { ads, server: await serveGrpc({ handlers: ads.handlers, listen: { path } }) };
  };
  let serving = await serve();
  stack.defer(() => serving.server.close());
  const envoy = stack.use(await startEnvoy(folder, path, 'delta'));
  const ask = async (host: string, at = port) => {
    const { status, body } = await request(`http://127.0.0.1:${at}/`, { headers: { host } });
    return status === 200 ? body : String(status);
  };
  const settled = () =>
    until(
      () => serving.ads.distribution.size > 0 && serving.ads.distribution.settled,
      () => 'all answers',
    );
  // A host may be refused: then it is never settled, and tests look at what is answered.
  await until(
    async () => (await ask('s0')) !== '404' && !(await ask('s0')).startsWith('0'),
    () => 'a first answer',
  );
  return {
    a,
    port,
    second,
    envoy,
    ask,
    settled,
    distribution: () => serving.ads.distribution,
    /** What left since the last look. */
    sent: () => ({ types: pushes.splice(0), bytes: [bytes, (bytes = 0)][0] ?? 0 }),
    stop: async () => {
      await serving.server.close();
      rmSync(path, { force: true });
    },
    start: async () => {
      serving = await serve();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Requests for these hosts on several lanes; what was answered that none of them allows. */
function load({ ask }: { ask: (host: string) => Promise<string> }, allowed: Readonly<Record<string, RegExp>>) {
  const wrong = new Set<string>();
  const hosts = Object.entries(allowed);
  let going = true;
  let count = 0;
  const lanes = Array.from({ length: 4 }, async (_, lane) => {
    while (going) {
      count += 1;
      const [host, wanted] = hosts[(count + lane) % hosts.length] ?? ['', /^$/];
      const answer = await ask(host);
      if (!wanted.test(answer)) wrong.add(`${host}: ${answer}`);
    }
  });
  return {
    async stop() {
      await until(
        () => count > 100,
        () => 'a hundred requests',
      );
      going = false;
      await Promise.all(lanes);
      return [...wrong];
    },
    async [Symbol.asyncDispose]() {
      going = false;
      await Promise.all(lanes);
    },
  };
}

const becomes = (mesh: { ask: (host: string, port?: number) => Promise<string> }, host: string, answer: string, port?: number) =>
  until(
    async () => (await mesh.ask(host, port)) === answer,
    () => `${host} to be answered with ${answer}`,
  );

test('a large table comes as its head and its hosts, and a change sends the host that changed', limit, async () => {
  await using mesh = await setUp(manyHosts(150));
  const { a, ask, sent, settled } = mesh;
  assert.deepEqual([await ask('s7'), await ask('nobody')], ['s7 1', 'rest']);
  await settled();
  assert.deepEqual(sent().types.sort(), ['cds', 'lds', 'rds', 'vhds']);
  await using traffic = load(mesh, { s6: /^s6 1$/, s7: /^s7 [12]$/, nobody: /^rest$/ });
  a.put('route', testTable('80', { ...manyHosts(150), s7: { answer: 's7 2' } }));
  await becomes(mesh, 's7', 's7 2');
  await settled();
  const { types, bytes } = sent();
  assert.deepEqual(types, ['vhds']);
  assert.ok(bytes < 400, `${bytes} bytes`);
  // A service comes and goes, and what every request matches changes by itself.
  a.put('route', testTable('80', { ...manyHosts(151), s7: { answer: 's7 2' } }));
  await becomes(mesh, 's150', 's150 1');
  a.put('route', testTable('80', { ...manyHosts(150), s7: { answer: 's7 2' } }));
  await becomes(mesh, 's150', 'rest');
  await settled();
  assert.deepEqual(sent().types, ['vhds', 'vhds']);
  assert.deepEqual(await traffic.stop(), []);
});

test('a domain goes from one host to another in one message', limit, async () => {
  await using mesh = await setUp({ ...manyHosts(120), old: { domains: ['moving'], answer: 'old' } });
  const { a, sent, settled } = mesh;
  sent();
  await using traffic = load(mesh, { moving: /^(old|new|both)$/ });
  a.put('route', testTable('80', { ...manyHosts(120), new: { domains: ['moving'], answer: 'new' } }));
  await becomes(mesh, 'moving', 'new');
  a.put('route', testTable('80', { ...manyHosts(120), new: { answer: 'new' }, old: { domains: ['moving'], answer: 'both' } }));
  await becomes(mesh, 'moving', 'both');
  await settled();
  assert.deepEqual(sent().types, ['vhds', 'vhds']);
  assert.deepEqual(await traffic.stop(), []);
  assert.equal(await mesh.envoy.stat('http.test.rds.vhds.80.update_rejected'), 0);
});

test('a proxy that comes back to another server is sent what changed meanwhile, and nothing else', limit, async () => {
  await using mesh = await setUp(manyHosts(150));
  const { a, sent, settled } = mesh;
  await using traffic = load(mesh, { s1: /^s1 [12]$/, s2: /^s2 1$/ });
  await mesh.stop();
  sent();
  await mesh.start();
  await settled();
  assert.deepEqual(sent().types, []);
  await mesh.stop();
  a.put('route', testTable('80', { ...manyHosts(150), s1: { answer: 's1 2' } }));
  await mesh.start();
  await becomes(mesh, 's1', 's1 2');
  await settled();
  assert.deepEqual(sent().types, ['vhds']);
  assert.deepEqual(await traffic.stop(), []);
});

test('a table that grows large is brought over while requests run, and keeps its form when it shrinks', limit, async () => {
  const wild = {
    wild: { domains: ['*.wild', 'exact.wild'], answer: 'wild' },
    wilder: { domains: ['*'.concat('.in.wild')], answer: 'wilder' },
  };
  await using mesh = await setUp({ ...manyHosts(90), ...wild });
  const { a, ask, sent, settled, envoy } = mesh;
  assert.deepEqual(sent().types.sort(), ['cds', 'lds', 'rds']);
  await using traffic = load(mesh, {
    s1: /^s1 [123]$/,
    'S2:8080': /^404$|^rest$|^s2/,
    s89: /^s89 1$/,
    nobody: /^rest$/,
    'exact.wild': /^wild$/,
    'a.wild': /^wild$/,
    'a.in.wild': /^wilder$/,
  });
  a.put('route', testTable('80', { ...manyHosts(150), ...wild, s1: { answer: 's1 2' } }));
  await becomes(mesh, 's149', 's149 1');
  await settled();
  await until(
    async () => !(await envoy.admin('/config_dump?resource=dynamic_route_configs')).includes(':authority'),
    () => 'the head to follow its bridge',
  );
  assert.deepEqual(sent().types, ['rds', 'vhds', 'rds']);
  a.put('route', testTable('80', { ...manyHosts(150), ...wild, s1: { answer: 's1 3' } }));
  await becomes(mesh, 's1', 's1 3');
  assert.deepEqual(sent().types, ['vhds']);
  a.put('route', testTable('80', { ...manyHosts(90), ...wild, s1: { answer: 's1 2' } }));
  await becomes(mesh, 's149', 'rest');
  a.put('route', testTable('80', { ...manyHosts(90), ...wild }));
  await becomes(mesh, 's1', 's1 1');
  assert.deepEqual(sent().types, ['vhds', 'vhds']);
  assert.deepEqual(await traffic.stop(), []);
  assert.equal(await ask('s89'), 's89 1');
});

test('a second table comes later, and each has its own hosts', limit, async () => {
  await using mesh = await setUp(manyHosts(120));
  const { a, ask, second, sent, settled } = mesh;
  sent();
  a.put('route', testTable('81', { ...manyHosts(110, 5), only: {} }));
  a.put('listener', httpListener('l81', second, '81'));
  await becomes(mesh, 'only', 'only 1', second);
  assert.deepEqual([await ask('s1', second), await ask('s1'), await ask('only')], ['s1 5', 's1 1', 'rest']);
  await settled();
  assert.deepEqual(sent().types, ['lds', 'rds', 'vhds']);
  a.put('route', testTable('81', { ...manyHosts(110, 6), only: {} }));
  await becomes(mesh, 's1', 's1 6', second);
  assert.equal(await ask('s1'), 's1 1');
  a.drop('listener', 'l81');
  await settled();
  a.put('listener', httpListener('l81', second, '81'));
  await becomes(mesh, 's2', 's2 6', second);
});

test('of a refused response only the bad host stays behind', limit, async () => {
  await using mesh = await setUp(manyHosts(130));
  const { a, ask, distribution } = mesh;
  await using traffic = load(mesh, { s1: /^s1 1$/, s2: /^s2 [12]$/, s3: /^s3 [12]$/ });
  a.put('route', testTable('80', { ...manyHosts(130, 2), s1: { broken: true } }));
  await becomes(mesh, 's3', 's3 2');
  await becomes(mesh, 's129', 's129 2');
  await until(
    () => distribution().refusals().length === 1,
    () => 'the refusal',
  );
  assert.deepEqual(
    distribution()
      .refusals()
      .map(({ type, resource }) => [type, resource.name]),
    [['host', '80/s1']],
  );
  assert.equal(await ask('s1'), 's1 1');
  assert.deepEqual(await traffic.stop(), []);
  a.put('route', testTable('80', manyHosts(130, 3)));
  await becomes(mesh, 's1', 's1 3');
  assert.deepEqual(distribution().refusals(), []);
});

test('a proxy that refuses a host of its first response has no route for it, rather than another’s', limit, async () => {
  await using mesh = await setUp({ ...manyHosts(130), s1: { broken: true } });
  const { a, ask } = mesh;
  await becomes(mesh, 's129', 's129 1');
  await becomes(mesh, 's0', 's0 1');
  assert.deepEqual([await ask('s1'), await ask('nobody')], ['404', 'rest']);
  a.put('route', testTable('80', manyHosts(130)));
  await becomes(mesh, 's1', 's1 1');
});
