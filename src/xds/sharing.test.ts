import { test } from 'node:test';
import assert from 'node:assert/strict';
import { change, nodeId, running, setUp } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';

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
  assert.deepEqual(proxy.settle(), ['cluster c9', 'listener l2', 'listener -l1', 'cluster -old']);
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
