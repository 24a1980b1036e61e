import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildNameTable, pointerName, type NamedHost } from './name-table.ts';

const service = (shortName: string, namespace: string, rest: Partial<NamedHost> = {}): NamedHost => ({
  host: `${shortName}.${namespace}.svc.cluster.local`,
  kind: 'cluster',
  shortName,
  namespace,
  addresses: ['10.0.0.1'],
  ...rest,
});

const external = (host: string, ...addresses: string[]): NamedHost => ({ host, kind: 'external', addresses });

/** The addresses of a name, or what else it is. */
function answer(hosts: readonly NamedHost[], name: string, namespace?: string): readonly string[] | string {
  const found = buildNameTable(hosts).lookup(name, namespace);
  return found.found === 'addresses' ? [...found.ipv4, ...found.ipv6] : found.found;
}

test('a service answers to all its names', () => {
  const hosts = [service('reviews', 'default'), service('reviews', 'other', { addresses: ['10.0.0.2'] })];
  for (const name of ['reviews.default', 'reviews.default.svc', 'reviews.default.svc.cluster.local', 'REVIEWS.Default.']) {
    assert.deepEqual(answer(hosts, name), ['10.0.0.1'], name);
  }
  assert.deepEqual(answer(hosts, 'reviews', 'default'), ['10.0.0.1']);
  assert.deepEqual(answer(hosts, 'reviews', 'other'), ['10.0.0.2']);
  assert.equal(answer(hosts, 'reviews'), 'nothing');
  assert.equal(answer(hosts, 'reviews', 'third'), 'nothing');
});

test('a headless service answers with all its pods, and each by its own name', () => {
  const headlessPods = [
    { hostname: 'web-0', address: '10.1.0.1' },
    { hostname: 'web-1', address: '10.1.0.2' },
    { address: 'fd00::3' },
  ];
  const hosts = [
    service('web', 'default', { addresses: [], headlessPods, ports: [{ name: 'http', protocol: 'tcp', port: 80 }] }),
  ];
  const table = buildNameTable(hosts);
  assert.deepEqual(answer(hosts, 'web.default.svc.cluster.local'), ['10.1.0.1', '10.1.0.2', 'fd00::3']);
  assert.deepEqual(answer(hosts, 'web-1.web.default.svc.cluster.local'), ['10.1.0.2']);
  assert.deepEqual(answer(hosts, 'web-1.web', 'default'), ['10.1.0.2']);
  assert.equal(answer(hosts, 'web-2.web.default.svc.cluster.local'), 'nothing');
  assert.deepEqual(table.lookup('_http._tcp.web.default.svc.cluster.local'), {
    found: 'ports',
    targets: ['web-0', 'web-1'].map((pod) => ({ target: `${pod}.web.default.svc.cluster.local`, port: 80 })),
    ttl: 5,
  });
  assert.deepEqual(table.lookup('2.0.1.10.in-addr.arpa'), {
    found: 'pointer',
    hosts: ['web-1.web.default.svc.cluster.local'],
    ttl: 30,
  });
  assert.deepEqual(answer([service('web', 'default', { addresses: [], headlessPods: [] })], 'web.default'), []);
});

test('hosts outside answer by name and by wildcard, the most specific first, and only where there is an address', () => {
  const hosts = [
    external('api.example.com', '240.0.0.1', '2001:2::1'),
    external('*.example.com', '240.0.0.2'),
    external('*.eu.example.com', '240.0.0.3'),
    external('open.example.org'),
  ];
  assert.deepEqual(answer(hosts, 'api.example.com'), ['240.0.0.1', '2001:2::1']);
  assert.deepEqual(answer(hosts, 'www.example.com'), ['240.0.0.2']);
  assert.deepEqual(answer(hosts, 'a.b.example.com'), ['240.0.0.2']);
  assert.deepEqual(answer(hosts, 'x.eu.example.com'), ['240.0.0.3']);
  assert.equal(answer(hosts, 'example.com'), 'nothing');
  assert.equal(answer(hosts, 'open.example.org'), 'nothing');
  const two = [external('api.example.com', '240.0.0.1'), external('api.example.com', '240.0.0.9')];
  assert.deepEqual(answer(two, 'api.example.com'), ['240.0.0.1', '240.0.0.9']);
});

test('a whole name is not taken over by a short one', () => {
  const hosts = [external('github.com', '240.0.0.1'), service('github', 'com')];
  assert.deepEqual(answer(hosts, 'github.com'), ['240.0.0.1']);
  assert.deepEqual(answer(hosts.toReversed(), 'github.com'), ['240.0.0.1']);
  assert.deepEqual(answer(hosts, 'github.com.svc.cluster.local'), ['10.0.0.1']);
});

test('the zone is ours, names above services exist, and nothing else does', () => {
  const table = buildNameTable([service('reviews', 'default')]);
  assert.deepEqual(table.lookup('nobody.default.svc.cluster.local'), { found: 'nothing', ours: true });
  assert.deepEqual(table.lookup('nobody.default.svc'), { found: 'nothing', ours: true });
  assert.deepEqual(table.lookup('www.example.com.default.svc.cluster.local'), { found: 'nothing', ours: true });
  assert.deepEqual(table.lookup('example.com'), { found: 'nothing', ours: false });
  assert.deepEqual(table.lookup('notcluster.local'), { found: 'nothing', ours: false });
  assert.deepEqual(table.lookup('default.svc.cluster.local'), { found: 'parent' });
  assert.deepEqual(table.lookup('cluster.local'), { found: 'parent' });
});

test('an ExternalName service is an alias', () => {
  const table = buildNameTable([service('db', 'default', { addresses: [], alias: 'DB.example.com.' })]);
  assert.deepEqual(table.lookup('db.default'), {
    found: 'alias',
    host: 'db.default.svc.cluster.local',
    target: 'db.example.com',
    ttl: 30,
  });
});

test('a host that no message could carry is left out', () => {
  const hosts = [
    external(`${'a'.repeat(64)}.example.com`, '240.0.0.1'),
    external('a..b', '240.0.0.1'),
    external('', '240.0.0.1'),
  ];
  for (const { host } of hosts) assert.equal(answer(hosts, host), 'nothing', host);
});

test('addresses have names to be looked up backwards', () => {
  assert.equal(pointerName('10.1.2.3'), '3.2.1.10.in-addr.arpa');
  assert.equal(pointerName('2001:db8::567:89ab'), 'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa');
  assert.equal(pointerName('::1'), `1.${'0.'.repeat(31)}ip6.arpa`);
  for (const odd of ['', 'x', '10.1.2', '::ffff:10.0.0.1', 'fe80::1%eth0']) assert.equal(pointerName(odd), undefined);
});

test('any name can be asked', () => {
  const table = buildNameTable([service('reviews', 'default'), external('*.example.com', '240.0.0.1')]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string(), (name, namespace) => void table.lookup(name, namespace)));
});
