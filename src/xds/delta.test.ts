import { test } from 'node:test';
import assert from 'node:assert/strict';
import { FakeCompiler, fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, described } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, deltaPath, type AdsOptions } from './ads.ts';

const nodeId = (name: string, namespace = 'a') => `sidecar~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`;

function setUp(more: Partial<AdsOptions> = {}) {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const ads = adsHandlers({ compiler, clock, authorize: () => ({}), ...more });
  const handler = ads.handlers[deltaPath];
  assert.ok(handler);
  const proxy = (name = 'p', namespace = 'a') => new DeltaProxy(handler, nodeId(name, namespace));
  return { compiler, clock, ads, proxy, a: compiler.class('a') };
}

/** A proxy of class `a` that has everything: one cluster with endpoints, one listener, one route table. */
function running() {
  const all = setUp();
  const { a } = all;
  a.put('cluster', fakeCluster('c1'));
  a.put('endpoint', fake('c1'));
  a.put('listener', fake('l1'));
  a.put('route', fake('r1'));
  const proxy = all.proxy();
  proxy.subscribe('cluster');
  proxy.subscribe('endpoint', 'c1');
  proxy.subscribe('listener');
  proxy.subscribe('route', 'r1');
  assert.deepEqual(proxy.settle(), ['cluster c1', 'endpoint c1', 'listener l1', 'route r1']);
  all.clock.pass(1000);
  return { ...all, proxy };
}

/** A change after a quiet time, so that it leaves at once. */
const change = (clock: ManualClock, work: () => void) => {
  clock.pass(200);
  work();
  clock.pass();
};

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
  const [listeners, routes] = proxy.take();
  assert.ok(listeners && routes);
  assert.deepEqual([listeners, routes].map(described), ['listener -l1', 'route r1']);
  proxy.ack(listeners);
  assert.deepEqual(proxy.took(), []);
  proxy.ack(routes);
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
  assert.deepEqual(late.settle(), ['cluster c2', 'endpoint c1', 'listener -l1']);
  clock.pass(600);
  assert.deepEqual(late.settle(), ['cluster -c1']);
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

test('a burst is coalesced and the first change leaves at once', () => {
  const { proxy, a, clock } = running();
  change(clock, () => a.put('endpoint', fake('c1', '1')));
  assert.deepEqual(proxy.settle(), ['endpoint c1']);
  for (let time = 0; time < 200; time += 1) {
    a.put('endpoint', fake('c1', `burst ${time}`));
    clock.pass(1);
  }
  clock.pass(100);
  const [first, ...rest] = proxy.take();
  assert.ok(first);
  assert.ok(rest.length >= 2 && rest.length <= 6, `${rest.length} more pushes for 200 changes`);
  assert.deepEqual(rest.at(-1)?.versions, { c1: fake('c1', 'burst 199').version });
});

test('a full socket holds everything back; then the latest state goes', () => {
  const { proxy, a, clock } = running();
  proxy.call.room = false;
  change(clock, () => a.put('endpoint', fake('c1', '1')));
  assert.deepEqual(proxy.took(), ['endpoint c1']);
  for (const content of ['2', '3', '4']) {
    change(clock, () => a.put('endpoint', fake('c1', content)));
    clock.pass(1000);
  }
  assert.deepEqual(proxy.took(), []);
  proxy.drain();
  const [got, ...rest] = proxy.take();
  assert.deepEqual([got?.versions, rest], [{ c1: fake('c1', '4').version }, []]);
});

test('a proxy that reads but never answers is not sent more and more', () => {
  const { proxy, a, clock } = running();
  for (let round = 0; round < 50; round += 1) {
    change(clock, () => a.put('endpoint', fake('c1', String(round))));
    clock.pass(1000);
  }
  const got = proxy.take();
  assert.equal(got.length, 16);
  const last = got.at(-1);
  assert.ok(last);
  proxy.ack(last);
  assert.deepEqual(
    proxy.take().map(({ versions }) => versions),
    [{ c1: fake('c1', '49').version }],
  );
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

test('another class: only what differs is sent, what is not there is removed', () => {
  const { proxy, a, compiler, clock } = running();
  const b = compiler.class('b');
  b.put('cluster', fakeCluster('c1'), fakeCluster('c9'));
  b.put('listener', fake('l2'));
  a.put('cluster', fakeCluster('old'));
  clock.pass();
  proxy.settle();
  change(clock, () => compiler.move(nodeId('p'), 'b'));
  clock.pass(100);
  assert.deepEqual(proxy.settle(), ['cluster c9', 'listener l2 -l1', 'cluster -old']);
  clock.pass(1000);
  change(clock, () => b.put('cluster', fakeCluster('c9', 'x')));
  assert.deepEqual(proxy.settle(), ['cluster c9']);
  change(clock, () => a.put('cluster', fakeCluster('more')));
  clock.pass(1000);
  assert.deepEqual(proxy.settle(), []);
});

test('what was not sent yet when the class changed is sent after it', () => {
  const { proxy, a, compiler, clock } = running();
  compiler.class('b').put('cluster', fakeCluster('c1'));
  compiler.class('b').put('listener', fake('l1'));
  proxy.call.room = false;
  change(clock, () => a.put('endpoint', fake('c1', '1')));
  change(clock, () => together(() => [a.put('endpoint', fake('c1', '2')), a.put('route', fake('r1', '2'))]));
  proxy.settle();
  change(clock, () => compiler.move(nodeId('p'), 'b'));
  proxy.drain();
  assert.deepEqual(proxy.settle(), ['endpoint c1', 'route r1']);
});

test('streams of a class share views and cells; those who leave give them back', () => {
  const { proxy, a, ads, clock } = setUp();
  const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
  a.put('endpoint', ...names.map((name) => fake(name)));
  a.put('cluster', ...names.map((name) => fakeCluster(name)));
  const all = Array.from({ length: 20 }, (_, index) => proxy(`p${index}`));
  for (const [index, each] of all.entries()) {
    each.subscribe('cluster');
    each.settle();
    each.subscribe('endpoint', ...(index % 2 ? names : names.toReversed()));
    assert.deepEqual(each.settle(), [`endpoint ${names.toSorted().join(' ')}`]);
  }
  assert.deepEqual([ads.stats().views, ads.stats().cells], [2, 20 + 1 + 50]);
  for (const each of all) each.subscribe('endpoint', 'new');
  assert.deepEqual([ads.stats().views, ads.stats().cells], [2, 20 + 1 + 51]);
  change(clock, () => a.put('endpoint', fake('new')));
  for (const each of all) assert.deepEqual(each.settle(), ['endpoint new']);
  for (const each of all) each.close();
  clock.pass(60_000);
  assert.deepEqual({ ...ads.stats(), packedBytes: 0 }, { streams: 0, cells: 0, views: 0, packedBytes: 0 });
});

test('a change that comes while a stream changes its names is not lost', () => {
  const { proxy, a, clock } = setUp();
  a.put('endpoint', fake('c1'), fake('c2'));
  const [one, two] = [proxy('one'), proxy('two')];
  for (const each of [one, two]) {
    each.subscribe('endpoint', 'c1');
    each.settle();
  }
  a.put('endpoint', fake('c1', 'changed'));
  one.subscribe('endpoint', 'c2');
  clock.pass(100);
  assert.deepEqual(one.settle(), ['endpoint c1 c2']);
  assert.deepEqual(two.settle(), ['endpoint c1']);
});

test('types that are not served are passed over; the stream goes on', () => {
  const told: object[] = [];
  const { proxy } = setUp({ log: { debug: (fields) => told.push(fields), warn() {}, error() {} } });
  const client = proxy();
  for (const type of ['type.googleapis.com/istio.networking.nds.v1.NameTable', 'istio.io/debug', 'istio.io/debug'])
    client.send(type);
  client.subscribe('cluster');
  assert.deepEqual(client.settle(), ['cluster']);
  assert.equal(told.length, 2);
});

test('who may not be who it says gets the status it is refused with', async () => {
  const refused = { code: 7, message: 'not yours' };
  const sync = setUp({ authorize: () => ({ refused }) }).proxy();
  sync.subscribe('cluster');
  assert.deepEqual(sync.call.status, refused);

  const later = setUp({ authorize: () => Promise.resolve({ identity: 'spiffe://td/ns/a/sa/p' }) });
  const asked = later.proxy();
  asked.subscribe('cluster');
  asked.subscribe('listener');
  assert.deepEqual([asked.took(), asked.call.paused], [[], true]);
  await Promise.resolve().then(() => {});
  assert.deepEqual([asked.settle(), asked.call.paused], [['cluster', 'listener'], false]);
  assert.equal(later.ads.distribution.list()[0]?.identity, 'spiffe://td/ns/a/sa/p');

  const broken = setUp({ authorize: () => Promise.reject(new Error('secret')) }).proxy();
  broken.subscribe('cluster');
  await Promise.resolve()
    .then(() => {})
    .then(() => {});
  assert.equal(broken.call.status?.code, 13);
  assert.doesNotMatch(broken.call.status?.message ?? '', /secret/);
});

test('limits: streams, and names on one stream', () => {
  const { proxy } = setUp({ limits: { streams: 1, names: 10 } });
  const first = proxy('one');
  first.subscribe('cluster');
  const second = proxy('two');
  second.subscribe('cluster');
  assert.equal(second.call.status?.code, 8);
  second.close();
  first.subscribe('endpoint', ...Array.from({ length: 11 }, (_, index) => `c${index}`));
  assert.equal(first.call.status?.code, 8);
  first.close();
  const third = proxy('three');
  third.subscribe('cluster');
  assert.equal(third.call.status, undefined);
});
