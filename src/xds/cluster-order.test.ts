import { test } from 'node:test';
import assert from 'node:assert/strict';
import { change, nodeId, running, setUp } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, described } from '../../test/support/xds/fake-proxy.ts';
import { deltaPath } from './ads.ts';

test('a change of clusters brings their endpoints in the same burst, changed or not, and holds listeners and routes back', () => {
  const { proxy, a, clock } = running();
  change(clock, () =>
    together(() => {
      a.put('route', fake('r1', 'to c2'));
      a.put('listener', fake('l1', 'x'));
      a.put('cluster', fakeCluster('c1', 'changed'), fakeCluster('c2'), fakeCluster('static', '', false));
    }),
  );
  const [clusters, endpoints, ...rest] = proxy.take();
  assert.ok(clusters && endpoints);
  assert.deepEqual([described(clusters), described(endpoints), rest], ['cluster c1 c2 static', 'endpoint c1', []]);
  proxy.ack(clusters);
  assert.deepEqual(proxy.took(), []);
  proxy.ack(endpoints);
  assert.deepEqual(proxy.settle(), ['listener l1', 'route r1']);
});

test('a refused change of clusters counts as answered', () => {
  const { proxy, a, clock } = running();
  change(clock, () =>
    together(() => {
      a.put('cluster', fakeCluster('c2'));
      a.put('route', fake('r1', 'to c2'));
    }),
  );
  const [clusters] = proxy.take();
  assert.ok(clusters);
  proxy.nack(clusters, 'c2: no');
  assert.deepEqual(proxy.settle(), ['route r1']);
});

test('a cluster that never warms delays routes for a bounded time', () => {
  const { proxy, a, clock } = running();
  change(clock, () =>
    together(() => {
      a.put('cluster', fakeCluster('c2'));
      a.put('route', fake('r1', 'to c2'));
    }),
  );
  assert.deepEqual(proxy.took(), ['cluster c2']);
  clock.pass(4_999);
  assert.deepEqual(proxy.took(), []);
  clock.pass(1);
  assert.deepEqual(proxy.took(), ['route r1']);
});

test('clusters are removed last, after listeners and routes are answered', () => {
  const { proxy, a, clock } = running();
  change(clock, () =>
    together(() => {
      a.drop('cluster', 'c1');
      a.put('cluster', fakeCluster('c2'));
      a.drop('listener', 'l1');
      a.put('route', fake('r1', 'to c2'));
    }),
  );
  const [clusters] = proxy.take();
  assert.ok(clusters);
  assert.equal(described(clusters), 'cluster c2');
  proxy.ack(clusters);
  const [routes] = proxy.take();
  assert.ok(routes);
  assert.equal(described(routes), 'route r1');
  proxy.ack(routes);
  const [listeners, ...rest] = proxy.take();
  assert.ok(listeners);
  assert.deepEqual([described(listeners), rest], ['listener -l1', []]);
  proxy.ack(listeners);
  assert.deepEqual(proxy.settle(), ['cluster -c1']);
});

test('a cluster stays as long as a route names it, and goes with the last', () => {
  const { proxy, a, clock, ads } = running();
  change(clock, () => a.put('route', fake('r1', 'to c1')));
  assert.deepEqual(proxy.settle(), ['route r1']);
  change(clock, () => a.drop('cluster', 'c1'));
  assert.deepEqual(proxy.settle(), []);
  assert.equal(ads.distribution.settled, true);
  change(clock, () => a.put('cluster', fakeCluster('c2')));
  assert.deepEqual(proxy.settle(), ['cluster c2']);
  change(clock, () => a.put('route', fake('r1', 'to c2')));
  assert.deepEqual(proxy.settle(), ['route r1', 'cluster -c1']);
});

test('a cluster stays while a route is refused: nobody knows where the older one leads', () => {
  const { proxy, a, clock } = running();
  change(clock, () => {
    a.drop('cluster', 'c1');
    a.put('route', fake('r1', 'to c2'));
  });
  const [routes] = proxy.take();
  assert.ok(routes);
  proxy.nack(routes, 'r1: no');
  assert.deepEqual(proxy.settle(), []);
  change(clock, () => a.put('route', fake('r1', 'to c3')));
  assert.deepEqual(proxy.settle(), ['route r1', 'cluster -c1']);
});

test('a cluster that comes back before it was removed stays', () => {
  const { proxy, a, clock } = running();
  change(clock, () =>
    together(() => {
      a.drop('cluster', 'c1');
      a.put('route', fake('r1', 'elsewhere'));
    }),
  );
  const [routes] = proxy.take();
  assert.ok(routes);
  change(clock, () => a.put('cluster', fakeCluster('c1')));
  clock.pass(50);
  proxy.ack(routes);
  assert.deepEqual(proxy.settle(), ['cluster c1', 'endpoint c1']);
  clock.pass(60_000);
  assert.deepEqual(proxy.took(), []);
});

test('streams without clusters wait for nothing', () => {
  const { proxy, a, clock } = setUp();
  a.put('listener', fake('l1'));
  const client = proxy();
  client.subscribe('listener', 'l1');
  client.subscribe('route', 'r1');
  assert.deepEqual(client.took(), ['listener l1']);
  change(clock, () => a.put('route', fake('r1')));
  assert.deepEqual(client.took(), ['route r1']);
});

test('a cluster that changed while its proxy was away is followed by its endpoints, though the proxy has kept them', () => {
  const { proxy, a, ads } = running();
  proxy.close();
  a.put('cluster', fakeCluster('c1', 'changed'));
  const handler = ads.handlers[deltaPath];
  assert.ok(handler);
  const next = new DeltaProxy(handler, nodeId('p'));
  const kept = (type: 'cluster' | 'endpoint') => Object.fromEntries(proxy.held.get(type) ?? new Map<string, string>());
  next.send('cluster', { initialResourceVersions: kept('cluster') });
  next.send('endpoint', { resourceNamesSubscribe: ['c1'], initialResourceVersions: kept('endpoint') });
  assert.deepEqual(next.settle(), ['cluster c1', 'endpoint c1']);
});
