import { test } from 'node:test';
import assert from 'node:assert/strict';
import { FakeCompiler, fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { SotwProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, sotwPath } from './ads.ts';

function setUp() {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const serve = () => {
    const handler = adsHandlers({ compiler, clock, authorize: () => ({}) }).handlers[sotwPath];
    assert.ok(handler);
    return handler;
  };
  const handler = serve();
  const proxy = (by = handler) => new SotwProxy(by, 'sidecar~10.0.0.1~p.a~a.svc.cluster.local');
  return { compiler, clock, proxy, serve, a: compiler.class('a') };
}

function running() {
  const all = setUp();
  const { a } = all;
  a.put('cluster', fakeCluster('c1'), fakeCluster('c2'));
  a.put('endpoint', fake('c1'), fake('c2'));
  a.put('listener', fake('l1'), fake('l2'));
  a.put('route', fake('r1'));
  const proxy = all.proxy();
  proxy.subscribe('cluster');
  proxy.subscribe('endpoint', 'c1', 'c2');
  proxy.subscribe('listener');
  proxy.subscribe('route', 'r1');
  assert.deepEqual(proxy.settle(), ['cluster c1 c2', 'endpoint c1 c2', 'listener l1 l2', 'route r1']);
  all.clock.pass(1000);
  return { ...all, proxy };
}

test('listeners and clusters come whole, endpoints and routes only where they changed', () => {
  const { proxy, a, clock } = running();
  a.put('listener', fake('l2', 'x'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['listener l1 l2']);
  clock.pass(1000);
  a.put('endpoint', fake('c2', 'x'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['endpoint c2']);
  clock.pass(1000);
  a.drop('listener', 'l1');
  clock.pass();
  assert.deepEqual(proxy.settle(), ['listener l2']);
});

test('make before break: a cluster that leaves stands in the state until routes are answered', () => {
  const { proxy, a, clock } = running();
  together(() => {
    a.drop('cluster', 'c1');
    a.put('cluster', fakeCluster('c2', 'x'), fakeCluster('c3'));
    a.put('route', fake('r1', 'x'));
  });
  clock.pass();
  assert.deepEqual(proxy.settle(), ['cluster c2 c3 c1', 'endpoint c2', 'route r1', 'cluster c2 c3']);
});

test('a cluster that comes back while it leaves stands in the state once', () => {
  const { proxy, a, clock } = running();
  together(() => {
    a.drop('cluster', 'c1');
    a.put('route', fake('r1', 'x'));
  });
  clock.pass();
  const [route] = proxy.take();
  assert.deepEqual(route?.names, ['r1']);
  clock.pass(200);
  a.put('cluster', fakeCluster('c1'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['cluster c1 c2', 'endpoint c1']);
});

test('a cluster stands in the state as long as a route names it', () => {
  const { proxy, a, clock } = running();
  a.put('route', fake('r1', 'to c1'));
  clock.pass();
  proxy.settle();
  clock.pass(1000);
  a.drop('cluster', 'c1');
  clock.pass();
  assert.deepEqual(proxy.settle(), []);
  clock.pass(1000);
  a.put('cluster', fakeCluster('c3'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['cluster c2 c3 c1']);
  clock.pass(1000);
  a.put('route', fake('r1', 'to c2'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['route r1', 'cluster c2 c3']);
});

test('names that are new are answered; answers to older responses change nothing', () => {
  const { proxy, a, clock } = running();
  a.put('endpoint', fake('c3'));
  clock.pass(100);
  const [first] = (a.put('endpoint', fake('c1', '1')), clock.pass(100), proxy.take());
  const [second] = (a.put('endpoint', fake('c1', '2')), clock.pass(1000), proxy.take());
  assert.ok(first && second);
  proxy.names.set('endpoint', ['c1', 'c2', 'c3']);
  proxy.ack(first);
  assert.deepEqual(proxy.take(), []);
  proxy.ack(second);
  assert.deepEqual(proxy.settle(), ['endpoint c3']);
  proxy.names.set('endpoint', ['c3']);
  proxy.send('endpoint', { responseNonce: second.nonce });
  assert.deepEqual(proxy.settle(), []);
});

test('a refused version is not sent again until something changes', () => {
  const { proxy, a, clock } = running();
  a.put('listener', fake('l1', 'bad'));
  clock.pass();
  const [bad] = proxy.take();
  assert.ok(bad);
  proxy.send('listener', { responseNonce: bad.nonce, errorDetail: { code: 13, message: 'l1: bad' } });
  clock.pass(60_000);
  assert.deepEqual(proxy.take(), []);
  a.put('listener', fake('l1', 'good'));
  clock.pass();
  assert.deepEqual(proxy.settle(), ['listener l1 l2']);
});

test('a proxy that comes back with the whole state it accepted gets it not again', () => {
  const { proxy, a, serve } = running();
  const again = (version: string) => {
    const next = proxy.constructor === SotwProxy ? new SotwProxy(serve(), proxy.id) : proxy;
    next.send('cluster', { versionInfo: version });
    return next.take();
  };
  const [whole] = again('');
  assert.ok(whole);
  assert.deepEqual(again(whole.version), []);
  a.put('cluster', fakeCluster('c2', 'x'));
  assert.equal(again(whole.version).length, 1);
});

test('listeners by name, as gRPC clients ask; no names later are none', () => {
  const { proxy, a, clock } = setUp();
  a.put('listener', fake('l1'), fake('l2'));
  const client = proxy();
  client.subscribe('listener', 'l2');
  const [got] = client.take();
  assert.ok(got);
  assert.deepEqual(got.names, ['l2']);
  client.names.set('listener', []);
  client.ack(got);
  a.put('listener', fake('l2', 'x'));
  clock.pass(1000);
  assert.deepEqual(client.take(), []);
});
