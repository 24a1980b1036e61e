import { test } from 'node:test';
import assert from 'node:assert/strict';
import { change, nodeId, setUp } from '../../test/support/xds/delta-set-up.ts';
import { fake, fakeCluster, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, described, type Got } from '../../test/support/xds/fake-proxy.ts';
import { manyHosts, testTable, type TestHosts } from '../../test/support/xds/tables.ts';
import { adsHandlers, hostsPath } from './ads.ts';

/** A proxy that has clusters, a listener, and the table `80`; where that comes as a head, its hosts on a stream of their own. */
function withTable(hosts: TestHosts) {
  const all = setUp();
  const { a, ads, clock } = all;
  a.put('cluster', fakeCluster('c1'));
  a.put('listener', fake('l1'));
  a.put('route', testTable('80', hosts));
  const main = all.proxy();
  main.subscribe('cluster');
  main.subscribe('listener');
  main.settle();
  main.subscribe('route', '80');
  const [table] = main.take();
  assert.ok(table);
  main.ack(table);
  clock.pass(1000);
  const open = (server = ads) => {
    const handler = server.handlers[hostsPath];
    assert.ok(handler);
    return new DeltaProxy(handler, nodeId('p'), { 'x-lateen-table': '80' });
  };
  const put = (next: TestHosts) => change(clock, () => a.put('route', testTable('80', next)));
  const object = (name: string) =>
    ads.distribution
      .objects([`networking.istio.io/VirtualService/a/${name}`])
      .values()
      .next()
      .value?.map(({ state }) => state);
  return { ...all, main, table, open, put, object };
}

const form = ({ versions }: Got): string => versions['80']?.split('.')[0] ?? '';

test('a large table comes as a head, its hosts in one response, and a change brings the one host', () => {
  const { main, table, open, put } = withTable(manyHosts(120));
  assert.equal(form(table), 'apart');
  assert.doesNotMatch(table.contents[0] ?? '', /s7/);
  const hosts = open();
  hosts.subscribe('host');
  const [first, ...more] = hosts.take();
  assert.ok(first && more.length === 0);
  assert.equal(first.names.length, 120);
  assert.ok(first.names.includes('80/s7'));
  hosts.ack(first);
  put({ ...manyHosts(119), s7: { answer: 'new' }, more: {} });
  assert.deepEqual([hosts.settle(), main.settle()], [['host 80/more 80/s7 -80/s119'], []]);
});

test('a listener that goes stays until the virtual hosts have come that another may wait for', () => {
  const { a, main, clock, open } = withTable(manyHosts(120));
  change(clock, () => a.drop('listener', 'l1'));
  assert.deepEqual(main.settle(), []);
  const hosts = open();
  hosts.subscribe('host');
  assert.equal(hosts.settle().length, 1);
  assert.deepEqual(main.settle(), ['listener -l1']);
});

test('small tables, proxies that cannot, and tables with a slash in their name come whole', () => {
  assert.equal(withTable(manyHosts(98)).table.versions['80'], testTable('80', manyHosts(98)).version);
  const { a, proxy } = setUp();
  a.put('route', testTable('unix://x', manyHosts(120)), testTable('80', manyHosts(120)));
  const client = proxy();
  client.subscribe('route', 'unix://x');
  assert.equal(client.take()[0]?.versions['unix://x'], testTable('unix://x', manyHosts(120)).version);
  const eager = setUp();
  Object.assign(eager.a.configuration, { delivery: 'eager' });
  eager.a.put('route', testTable('80', manyHosts(120)));
  const other = eager.proxy();
  other.subscribe('route', '80');
  assert.equal(other.take()[0]?.versions['80'], testTable('80', manyHosts(120)).version);
});

test('hosts wait for the clusters that they may lead to, and clusters go when no host leads there', () => {
  const { main, open, put, a, clock } = withTable(manyHosts(120));
  const hosts = open();
  hosts.subscribe('host');
  hosts.settle();
  change(clock, () =>
    together(() => {
      a.put('cluster', fakeCluster('c2'));
      a.put('route', testTable('80', { ...manyHosts(120), s1: { cluster: 'c2' } }));
    }),
  );
  assert.deepEqual(hosts.took(), []);
  assert.deepEqual(main.settle(), ['cluster c2']);
  assert.deepEqual(hosts.settle(), ['host 80/s1']);
  clock.pass(1000);
  change(clock, () => a.drop('cluster', 'c2'));
  clock.pass(10_000);
  assert.deepEqual(main.settle(), []);
  put(manyHosts(120));
  const [last] = hosts.take();
  assert.ok(last);
  assert.deepEqual(main.settle(), []);
  hosts.ack(last);
  clock.pass(1000);
  assert.deepEqual(main.settle(), ['cluster -c2']);
});

test('an object counts as delivered when its host is, not when the head is', () => {
  const { open, object, ads } = withTable(manyHosts(120));
  assert.deepEqual([object('s7'), ads.distribution.settled], [['pending'], false]);
  const hosts = open();
  hosts.subscribe('host');
  assert.deepEqual([object('s7'), ads.distribution.settled], [['sent'], false]);
  hosts.settle();
  assert.deepEqual([object('s7'), ads.distribution.settled], [['acknowledged'], true]);
  assert.deepEqual(
    ads.distribution.list().map(({ types }) => types.map(({ type, resources }) => [type, resources])),
    [
      [
        ['cluster', 1],
        ['listener', 1],
        ['route', 1],
        ['host', 120],
      ],
    ],
  );
});

test('what a proxy kept is not sent again by another server, in the form in which it has the table', () => {
  const { main, open, compiler, clock, a } = withTable(manyHosts(120));
  const hosts = open();
  hosts.subscribe('host');
  hosts.settle();
  a.put('route', testTable('80', manyHosts(50)));
  const restarted = adsHandlers({ compiler, clock, authorize: () => ({}) });
  const kept = (proxy: DeltaProxy, type: 'route' | 'host') =>
    Object.fromEntries(proxy.held.get(type) ?? new Map<string, string>());
  const handler = Object.values(restarted.handlers)[0];
  assert.ok(handler);
  const again = new DeltaProxy(handler, nodeId('p'));
  again.send('route', { resourceNamesSubscribe: ['80'], initialResourceVersions: kept(main, 'route') });
  const next = open(restarted);
  next.send('host', { initialResourceVersions: kept(hosts, 'host') });
  assert.deepEqual(again.settle(), []);
  const [removal] = next.take();
  assert.deepEqual([removal?.names, removal?.removed.length], [[], 70]);
});

test('a table without hosts says so by a removal, for Envoy takes nothing else', () => {
  const { open, put } = withTable(manyHosts(120));
  put({});
  const hosts = open();
  hosts.subscribe('host');
  assert.deepEqual(hosts.settle(), ['host -80/-']);
});

test('a table that grows comes as its bridge, and as its head when the hosts are there', () => {
  const { main, table, open, put } = withTable(manyHosts(50));
  assert.equal(form(table).length, 16);
  put(manyHosts(120, 2));
  const [bridge, ...more] = main.take();
  assert.ok(bridge && more.length === 0);
  assert.equal(form(bridge), 'bridge');
  assert.match(bridge.contents[0] ?? '', /s7 2/);
  main.ack(bridge);
  const hosts = open();
  hosts.subscribe('host');
  const [first] = hosts.take();
  assert.equal(first?.names.length, 120);
  assert.deepEqual(main.took(), []);
  hosts.ack(first);
  const [head] = main.take();
  assert.ok(head);
  assert.equal(form(head), 'apart');
  main.ack(head);
  put(manyHosts(20, 2));
  assert.deepEqual([main.settle(), hosts.settle().length], [[], 1]);
});

test('a proxy that comes back with a bridge keeps it until the hosts are there', () => {
  const { main, open, put } = withTable(manyHosts(50));
  put(manyHosts(120));
  main.settle();
  main.close();
  const all = setUp();
  all.a.put('route', testTable('80', manyHosts(120)));
  const again = all.proxy();
  const initialResourceVersions = Object.fromEntries(main.held.get('route') ?? []);
  again.send('route', { resourceNamesSubscribe: ['80'], initialResourceVersions });
  const [bridge] = again.take();
  assert.ok(bridge);
  assert.equal(form(bridge), 'bridge');
  again.ack(bridge);
  const hosts = open(all.ads);
  hosts.subscribe('host');
  hosts.settle();
  const [head] = again.take();
  assert.ok(head);
  assert.equal(form(head), 'apart');
});

test('a table whose bridge is refused goes on whole', () => {
  const { main, put } = withTable(manyHosts(50));
  put(manyHosts(120));
  const [bridge] = main.take();
  assert.ok(bridge);
  main.nack(bridge, 'no');
  const [whole] = main.take();
  assert.ok(whole);
  assert.equal(whole.versions['80'], testTable('80', manyHosts(120)).version);
  main.ack(whole);
  put(manyHosts(130));
  assert.equal(main.take()[0]?.versions['80'], testTable('80', manyHosts(130)).version);
});

test('of a first response that is refused, hosts without routes stand in until the bad one is found', () => {
  const { open } = withTable(manyHosts(120));
  const hosts = open();
  hosts.subscribe('host');
  const [first] = hosts.take();
  assert.ok(first);
  hosts.nack(first, 'something is wrong');
  const [closed, ...more] = hosts.take();
  assert.ok(closed && more.length === 0);
  assert.equal(closed.names.length, 120);
  assert.doesNotMatch(closed.contents.join(' '), /s7 1/);
  hosts.ack(closed);
  const refused: string[] = [];
  for (let got = hosts.take(); got.length > 0; got = hosts.take()) {
    for (const each of got) {
      if (!each.names.includes('80/s7')) hosts.ack(each);
      else {
        hosts.nack(each, 'something is wrong');
        refused.push(described(each));
      }
    }
  }
  assert.equal(refused.at(-1), 'host 80/s7');
  assert.equal(new Set(hosts.held.get('host')?.keys()).size, 120);
});

test('a stream for virtual hosts must say of which table', () => {
  const { ads } = withTable(manyHosts(120));
  const handler = ads.handlers[hostsPath];
  assert.ok(handler);
  const nameless = new DeltaProxy(handler, nodeId('p'));
  nameless.subscribe('host');
  assert.equal(nameless.call.status?.code, 3);
});

test('hosts that come, change and change places arrive, however the table is looked at', () => {
  const { open, put } = withTable(manyHosts(120));
  const hosts = open();
  hosts.subscribe('host');
  hosts.settle();
  const { s3, s4, ...others } = manyHosts(120);
  put({ s4: s4 ?? {}, s3: s3 ?? {}, ...others });
  assert.deepEqual(hosts.settle(), []);
  put({ s4: s4 ?? {}, s3: { answer: 'new' }, ...others });
  assert.deepEqual(hosts.settle(), ['host 80/s3']);
  put({ s4: s4 ?? {}, other: {}, ...others });
  assert.deepEqual(hosts.settle(), ['host 80/other -80/s3']);
  put({ s4: { domains: ['s4', 'more'] }, other: {}, ...others, last: {} });
  assert.deepEqual(hosts.settle(), ['host 80/last 80/s4']);
  assert.equal(hosts.held.get('host')?.size, 121);
});
