import { test } from 'node:test';
import assert from 'node:assert/strict';
import { change, nodeId, running, setUp } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy } from '../../test/support/xds/fake-proxy.ts';
import { adsHandlers, deltaPath } from './ads.ts';

test('a wildcard is answered even when it is empty, names only when there is something', () => {
  const { proxy } = setUp();
  const envoy = proxy();
  envoy.subscribe('cluster');
  envoy.subscribe('listener', '*');
  envoy.subscribe('endpoint', 'c1');
  envoy.subscribe('route', 'r1');
  assert.deepEqual(envoy.settle(), ['cluster', 'listener']);
});

test('a name that is unknown is answered when it appears', () => {
  const { proxy, a, clock } = setUp();
  const envoy = proxy();
  envoy.subscribe('endpoint', 'c1', 'c2');
  envoy.subscribe('secret', 's1');
  assert.deepEqual(envoy.settle(), []);
  change(clock, () => a.put('endpoint', fake('c2')));
  assert.deepEqual(envoy.settle(), ['endpoint c2']);
  change(clock, () => a.put('secret', fake('s1')));
  assert.deepEqual(envoy.settle(), ['secret s1']);
});

test('what did not change is not sent; the version is of the bytes', () => {
  const { proxy, a, clock } = running();
  change(clock, () => a.put('cluster', fakeCluster('c1')));
  change(clock, () => a.put('endpoint', fake('c1')));
  assert.deepEqual(proxy.settle(), []);
  change(clock, () => a.put('route', fake('r1', 'new')));
  const [got] = proxy.take();
  assert.deepEqual(got?.versions, { r1: fake('r1', 'new').version });
});

test('a proxy that comes back gets what differs, and hears of what went', () => {
  const { proxy, a, ads, clock, compiler } = running();
  proxy.close();
  const again = (server: typeof ads) => {
    const handler = server.handlers[deltaPath];
    assert.ok(handler);
    const next = new DeltaProxy(handler, nodeId('p'));
    for (const type of ['cluster', 'endpoint', 'listener', 'route'] as const) {
      const held = proxy.held.get(type) ?? new Map();
      const names = type === 'endpoint' || type === 'route' ? [...held.keys()] : [];
      next.send(type, { resourceNamesSubscribe: names, initialResourceVersions: Object.fromEntries(held) });
    }
    return next;
  };
  assert.deepEqual(again(ads).settle(), []);
  const restarted = adsHandlers({ compiler, clock, authorize: () => ({}) });
  assert.deepEqual(again(restarted).settle(), []);
  together(() => {
    a.put('cluster', fakeCluster('c2'));
    a.drop('cluster', 'c1');
    a.put('endpoint', fake('c1', 'moved'));
    a.drop('listener', 'l1');
  });
  const late = again(restarted);
  assert.deepEqual(late.settle(), ['cluster c2', 'endpoint c1']);
  clock.pass(600);
  assert.deepEqual(late.settle(), ['listener -l1', 'cluster -c1']);
});

test('a NACK is kept with its text against the resources it names, until they are accepted', () => {
  const { proxy, a, clock, ads } = running();
  change(clock, () => a.put('listener', fake('l1', 'bad'), fake('l2'), fake('l1.b')));
  const [listeners] = proxy.take();
  assert.ok(listeners);
  proxy.nack(listeners, 'Error adding/updating listener(s) l1: no such filter');
  assert.deepEqual(proxy.settle(), ['listener l1.b l2']);
  const rejected = () => ads.distribution.list()[0]?.types.find(({ type }) => type === 'listener')?.rejected ?? [];
  const settled = () => ads.distribution.list()[0]?.settled;
  assert.deepEqual(
    rejected().map(({ name, version, message }) => [name, version, message]),
    [['l1', fake('l1', 'bad').version, 'Error adding/updating listener(s) l1: no such filter']],
  );
  assert.equal(settled(), false);
  assert.deepEqual([...(ads.distribution.acknowledged(1, 'listener')?.keys() ?? [])].sort(), ['l1.b', 'l2']);
  clock.pass(100_000);
  assert.deepEqual(proxy.settle(), []);
  change(clock, () => a.put('listener', fake('l1', 'good')));
  assert.deepEqual(proxy.settle(), ['listener l1']);
  assert.deepEqual(rejected(), []);
  assert.equal(settled(), true);
});

test('names come and go; what is asked for again is sent again', () => {
  const { proxy, a, clock } = running();
  a.put('endpoint', fake('c2'), fake('c3'));
  clock.pass();
  proxy.subscribe('endpoint', 'c2');
  assert.deepEqual(proxy.settle(), ['endpoint c2']);
  proxy.subscribe('endpoint', 'c1');
  assert.deepEqual(proxy.settle(), ['endpoint c1']);
  proxy.unsubscribe('endpoint', 'c1');
  change(clock, () => a.put('endpoint', fake('c1', 'x'), fake('c2', 'x')));
  assert.deepEqual(proxy.settle(), ['endpoint c2']);
  clock.pass(1000);
  change(clock, () => a.drop('endpoint', 'c2'));
  assert.deepEqual(proxy.settle(), ['endpoint -c2']);
});

test('wildcard and names together', () => {
  const { proxy, a, clock } = setUp();
  a.put('cluster', fakeCluster('c1'), fakeCluster('c2'));
  const client = proxy();
  client.subscribe('cluster', 'c1');
  assert.deepEqual(client.settle(), ['cluster c1']);
  client.subscribe('cluster', '*');
  assert.deepEqual(client.settle(), ['cluster c2']);
  client.subscribe('cluster', 'c9');
  assert.deepEqual(client.settle(), []);
  // Only the server knows whether the wildcard covers what is no longer asked for by name.
  client.unsubscribe('cluster', 'c1');
  assert.deepEqual(client.settle(), ['cluster c1']);
  client.unsubscribe('cluster', 'c9');
  clock.pass(600);
  assert.deepEqual(client.settle(), ['cluster -c9']);
  client.subscribe('cluster', 'c2');
  client.settle();
  client.unsubscribe('cluster', '*');
  change(clock, () => a.put('cluster', fakeCluster('c1', 'x'), fakeCluster('c2', 'x'), fakeCluster('c3')));
  assert.deepEqual(client.settle(), ['cluster c2']);
});
