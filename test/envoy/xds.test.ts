// The ADS server and the real Envoy: traffic through what is pushed, changes under load, a NACK, a restart of the server.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { noMetrics, shortType } from '../../src/xds/metrics.ts';
import { request } from '../support/ask.ts';
import { FakeCompiler, together } from '../support/xds/fake-compiler.ts';
import { edsCluster, endpointsOf, freePort, get, httpListener, routeTo, startEnvoy, until } from '../support/xds/real-envoy.ts';

const limit = { timeout: 60_000 };

/** A server that answers every request with its name. */
async function upstream(name: string) {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A compiler with one service `one` behind a listener, an ADS server on a socket, and an Envoy on it. */
async function setUp(protocol: 'delta' | 'sotw') {
  const stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'lateen-xds-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'xds');
  const [one, two] = [stack.use(await upstream('one')), stack.use(await upstream('two'))];
  const port = await freePort();
  const compiler = new FakeCompiler();
  const a = compiler.class('a');
  a.put('cluster', edsCluster('c1'));
  a.put('endpoint', endpointsOf('c1', one.port));
  a.put('listener', httpListener('l1', port, 'r1'));
  a.put('route', routeTo('r1', 'c1'));
  const pushes: string[] = [];
  const serve = async () => {
    const metrics = { ...noMetrics, pushed: (type: keyof typeof shortType) => void pushes.push(shortType[type]) };
    const ads = adsHandlers({ compiler, authorize: () => ({ identity: 'test' }), metrics });
    return { ads, server: await serveGrpc({ handlers: ads.handlers, listen: { path } }) };
  };
  let serving = await serve();
  stack.defer(() => serving.server.close());
  const envoy = stack.use(await startEnvoy(folder, path, protocol));
  await until(async () => (await get({ port }).catch(() => '')) === 'one');
  const restart = async () => {
    await serving.server.close();
    rmSync(path, { force: true });
    pushes.length = 0;
    serving = await serve();
  };
  return {
    a,
    one,
    two,
    port,
    envoy,
    pushes,
    restart,
    distribution: () => serving.ads.distribution,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Requests one after the other on several lanes until it is told to stop; what was answered, and how often. */
function load(port: number) {
  const answers = new Map<string, number>();
  let going = true;
  const lanes = Array.from({ length: 4 }, async () => {
    while (going) {
      const answer = await get({ port }).catch((error: Error) => error.message);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  return {
    answers,
    async stop() {
      going = false;
      await Promise.all(lanes);
      return [...answers.keys()].sort((left, right) => left.localeCompare(right));
    },
  };
}

for (const protocol of ['delta', 'sotw'] as const) {
  test(`${protocol}: changes of endpoints, clusters and routes under load fail no request`, limit, async () => {
    await using mesh = await setUp(protocol);
    const { a, two, port, envoy } = mesh;
    const traffic = load(port);
    const now = async (answer: string) => until(async () => (await get({ port })) === answer);

    a.put('endpoint', endpointsOf('c1', two.port));
    await now('two');
    a.put('endpoint', endpointsOf('c1', mesh.one.port));
    await now('one');

    // A cluster's change alone: warming needs endpoints that Envoy does not ask for again.
    a.put('cluster', edsCluster('c1', 2));
    await until(async () => (await envoy.stat('cluster_manager.cluster_modified')) === 1);
    await until(async () => (await envoy.stat('cluster_manager.warming_clusters')) === 0);
    assert.equal(await envoy.stat('cluster.c1.assignment_use_cached'), 0);

    // A new cluster, its route, and the old cluster's end in one transaction, back and forth.
    for (const [old, next, server] of [
      ['c1', 'c2', two],
      ['c2', 'c1', mesh.one],
      ['c1', 'c3', two],
    ] as const) {
      together(() => {
        a.put('endpoint', endpointsOf(next, server.port));
        a.put('route', routeTo('r1', next));
        a.drop('cluster', old);
        a.put('cluster', edsCluster(next));
      });
      await now(server === two ? 'two' : 'one');
      await until(async () => !(await envoy.admin('/clusters')).includes(`${old}::`));
    }
    assert.deepEqual(await traffic.stop(), ['one', 'two']);
    assert.ok(([...traffic.answers.values()].at(0) ?? 0) > 10);
    await until(() => mesh.distribution().settled);
    assert.deepEqual(
      mesh
        .distribution()
        .list()
        .map(({ node, protocol: by, identity }) => [node.name, by, identity]),
      [['p.a', protocol, 'test']],
    );
  });

  test(`${protocol}: a refused listener leaves the old one in service and is reported`, limit, async () => {
    await using mesh = await setUp(protocol);
    const { a, port } = mesh;
    a.put('listener', httpListener('l1', port, 'r1', { broken: true }));
    const rejected = () =>
      mesh
        .distribution()
        .list()[0]
        ?.types.find(({ type }) => type === 'listener')?.rejected ?? [];
    await until(() => rejected().length > 0);
    assert.equal(rejected()[0]?.name, 'l1');
    assert.match(rejected()[0]?.message ?? '', /no.such.[fF]ilter/);
    assert.equal(await get({ port }), 'one');
    a.put('listener', httpListener('l1', port, 'r1', { prefix: 'better' }));
    await until(() => mesh.distribution().settled);
    await until(async () => (await mesh.envoy.stat('http.better.downstream_rq_total')) > 0 || (await get({ port })) !== 'one');
    assert.equal(await get({ port }), 'one');
  });

  test(`${protocol}: a listener is exchanged for one of another name, of a wider address and of the same`, limit, async () => {
    await using mesh = await setUp(protocol);
    const { a, port, envoy } = mesh;
    for (const [old, next, address] of [
      ['l1', 'wider', '0.0.0.0'],
      ['wider', 'same', '0.0.0.0'],
      ['same', 'l1', '127.0.0.1'],
    ] as const) {
      together(() => {
        a.put('route', routeTo(`of ${next}`, 'c1'));
        a.put('listener', httpListener(next, port, `of ${next}`, { address, prefix: next }));
        a.drop('listener', old);
      });
      await until(async () => {
        // Over a new connection: those that are kept stay with the listener that goes.
        const { body } = await request(`http://127.0.0.1:${port}/`, { agent: new Agent() });
        return body === 'one' && (await envoy.stat(`http.${next}.downstream_rq_total`)) > 0;
      });
      await until(() => mesh.distribution().settled);
    }
    assert.equal(await envoy.stat('listener_manager.listener_create_failure'), 0);
    assert.equal(await envoy.stat('listener_manager.lds.update_rejected'), 0);
  });

  test(`${protocol}: of a message with one bad resource the good ones arrive, though Envoy names none`, limit, async () => {
    await using mesh = await setUp(protocol);
    const { a, two, port } = mesh;
    const other = await freePort();
    together(() => {
      a.put('route', routeTo('r2', 'c1'));
      a.put('listener', httpListener('l2', other, 'r2'));
    });
    await until(async () => (await get({ port: other }).catch(() => '')) === 'one');
    const refused = () => (mesh.distribution().list()[0]?.types ?? []).flatMap(({ rejected }) => rejected);
    together(() => {
      a.put('endpoint', ...['c2', 'c3', 'c4'].map((name) => endpointsOf(name, two.port)));
      a.put('cluster', edsCluster('c2'), edsCluster('c3', -1), edsCluster('c4'));
      a.put('route', routeTo('r2', 'c2', { broken: true }), routeTo('r1', 'c2'));
    });
    await until(async () => (await get({ port })) === 'two');
    await until(() => refused().length === 2);
    assert.deepEqual(
      refused()
        .map(({ name }) => name)
        .sort(),
      ['c3', 'r2'],
    );
    assert.equal(await get({ port: other }), 'one');
    const clusters = await mesh.envoy.admin('/config_dump?resource=dynamic_active_clusters');
    assert.match(clusters, /"name": "c2"/);
    assert.doesNotMatch(clusters, /"name": "c3"/);
    together(() => {
      a.put('cluster', edsCluster('c3', 1));
      a.put('route', routeTo('r2', 'c3'));
    });
    await until(async () => (await get({ port: other })) === 'two');
    await until(() => mesh.distribution().settled);
  });
}

test('delta: a server that comes back sends only what changed while it was away', limit, async () => {
  await using mesh = await setUp('delta');
  const { a, two, port, restart, pushes } = mesh;
  const subscribed = () => mesh.distribution().list()[0]?.types.length === 4;
  await restart();
  await until(subscribed);
  await until(() => mesh.distribution().settled);
  assert.equal(pushes.length, 0);
  assert.equal(await get({ port }), 'one');

  await restart();
  together(() => {
    a.put('endpoint', endpointsOf('c2', two.port));
    a.put('cluster', edsCluster('c2'));
    a.put('route', routeTo('r1', 'c2'));
    a.drop('cluster', 'c1');
  });
  await until(async () => (await get({ port })) === 'two');
  await until(async () => !(await mesh.envoy.admin('/clusters')).includes('c1::'));
  assert.equal(pushes.filter((type) => type === 'lds').length, 0);
});
