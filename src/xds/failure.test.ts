import { test } from 'node:test';
import assert from 'node:assert/strict';
import { FakeCompiler, fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, SotwProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, deltaPath, sotwPath } from './ads.ts';

const nodeId = 'sidecar~10.0.0.1~p.a~a.svc.cluster.local';

/** A class with one resource of each type, before any proxy asked for it. */
function setUp() {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const logged: unknown[] = [];
  const log = { debug() {}, warn() {}, error: (fields: object) => void logged.push(fields) };
  const server = () => adsHandlers({ compiler, clock, log, authorize: () => ({}) });
  const ads = server();
  const a = compiler.class('a');
  a.put('cluster', fakeCluster('c1'));
  a.put('endpoint', fake('c1'));
  a.put('listener', fake('l1'));
  a.put('route', fake('r1'));
  const handlerOf = (path: string, of = ads) => {
    const handler = of.handlers[path];
    assert.ok(handler);
    return handler;
  };
  const delta = (of = ads) => new DeltaProxy(handlerOf(deltaPath, of), nodeId);
  const sotw = () => new SotwProxy(handlerOf(sotwPath), nodeId);
  const change = (work: () => void) => {
    clock.pass(200);
    work();
    clock.pass();
  };
  const shown = (type: string) => {
    const proxy = ads.distribution.list()[0];
    const found = proxy?.types.find((each) => each.type === type);
    return { state: found?.state, problem: found?.problem, settled: proxy?.settled };
  };
  return { compiler, clock, server, ads, a, logged, delta, sotw, change, shown };
}

const arrived = { state: 'acknowledged', problem: undefined, settled: true };

function ask(proxy: DeltaProxy | SotwProxy): void {
  proxy.subscribe('cluster');
  proxy.subscribe('endpoint', 'c1');
  proxy.subscribe('listener');
  proxy.subscribe('route', 'r1');
}

for (const protocol of ['delta', 'sotw'] as const) {
  test(`${protocol}: a type that cannot be computed is not answered as empty, and holds no other back`, () => {
    const world = setUp();
    const { a, logged, change, shown } = world;
    a.broken.value = { listener: 'no such filter' };
    const proxy = world[protocol]();
    ask(proxy);
    assert.deepEqual(proxy.settle(), ['cluster c1', 'endpoint c1', 'route r1']);
    assert.deepEqual(shown('listener'), { state: 'pending', problem: 'no such filter', settled: false });
    change(() => a.put('listener', fake('l2')));
    change(() => a.put('listener', fake('l3')));
    assert.deepEqual(proxy.settle(), []);
    assert.deepEqual(
      logged.map((fields) => [(fields as { what: string }).what, String((fields as { err: unknown }).err)]),
      [['listener', 'Error: no such filter']],
    );
    change(() => (a.broken.value = {}));
    assert.deepEqual(proxy.settle(), ['listener l1 l2 l3']);
    assert.deepEqual(shown('listener'), arrived);
  });

  test(`${protocol}: that there is nothing is told once it is known`, () => {
    const world = setUp();
    const { a, change, shown } = world;
    a.drop('listener', 'l1');
    a.broken.value = { listener: 'broken' };
    const proxy = world[protocol]();
    ask(proxy);
    assert.deepEqual(proxy.settle(), ['cluster c1', 'endpoint c1', 'route r1']);
    change(() => (a.broken.value = {}));
    assert.deepEqual(proxy.settle(), ['listener']);
    assert.deepEqual(shown('listener'), arrived);
  });
}

test('the last good configuration stays, with every cluster that it may refer to', () => {
  const { a, clock, delta, change, shown } = setUp();
  const proxy = delta();
  ask(proxy);
  proxy.settle();
  clock.pass(1000);
  change(() => (a.broken.value = { 'route r1': 'broken' }));
  assert.deepEqual(shown('route'), { state: 'pending', problem: 'broken', settled: false });
  change(() =>
    together(() => {
      a.put('cluster', fakeCluster('c2'));
      a.drop('cluster', 'c1');
      a.put('route', fake('r1', 'to c2'));
    }),
  );
  assert.deepEqual(proxy.settle(), ['cluster c2']);
  clock.pass(60_000);
  assert.deepEqual(proxy.settle(), []);
  change(() => (a.broken.value = {}));
  assert.deepEqual(proxy.settle(), ['route r1', 'cluster -c1']);
  assert.deepEqual(shown('route'), arrived);
});

test('a proxy that comes back keeps what cannot be computed now, and loses it only when that is known', () => {
  const { a, clock, server, delta, change } = setUp();
  const proxy = delta();
  ask(proxy);
  proxy.settle();
  proxy.close();
  a.broken.value = { listener: 'broken', 'route r1': 'broken' };
  const next = delta(server());
  for (const type of ['cluster', 'endpoint', 'listener', 'route'] as const) {
    const held = proxy.held.get(type) ?? new Map();
    const names = type === 'endpoint' || type === 'route' ? [...held.keys()] : [];
    next.send(type, { resourceNamesSubscribe: names, initialResourceVersions: Object.fromEntries(held) });
  }
  assert.deepEqual(next.settle(), []);
  a.drop('listener', 'l1');
  a.drop('route', 'r1');
  change(() => (a.broken.value = {}));
  clock.pass(600);
  assert.deepEqual(next.settle(), ['route -r1', 'listener -l1']);
});

test('a proxy whose new class cannot be computed keeps what its old one gave it', () => {
  const { compiler, clock, delta, change, shown } = setUp();
  const proxy = delta();
  ask(proxy);
  proxy.settle();
  clock.pass(1000);
  const b = compiler.class('b');
  b.put('cluster', fakeCluster('c1'));
  b.put('listener', fake('l2'));
  b.broken.value = { listener: 'broken', 'route r1': 'broken' };
  change(() => compiler.move(nodeId, 'b'));
  assert.deepEqual(proxy.settle(), []);
  assert.deepEqual(shown('listener'), { state: 'pending', problem: 'broken', settled: false });
  change(() => (b.broken.value = {}));
  assert.deepEqual(proxy.settle(), ['listener l2', 'route r1', 'listener -l1']);
  assert.deepEqual(shown('listener'), arrived);
});
