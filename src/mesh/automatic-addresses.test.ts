import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode } from '../api/decode.ts';
import { originOf, type ApiObject } from '../api/object.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import { automaticAddresses, wantsAddress } from './automatic-addresses.ts';
import { byServiceAge, serviceEntryServices } from './service.ts';

const entry = (spec: object, labels: object = {}, created?: string) => {
  const metadata = { name: 'x', namespace: 'default', labels, ...(created !== undefined && { creationTimestamp: created }) };
  const document = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata, spec };
  const { object, diagnostics } = decode(document, originOf('test'));
  assert.ok(object, JSON.stringify(diagnostics));
  return serviceEntryServices(object as unknown as ApiObject<ServiceEntry>, 'Kubernetes', ['*']);
};

const ports = [{ number: 5432, name: 'tcp', protocol: 'TCP' }];
const hosts = (names: readonly string[], created?: string) =>
  names.flatMap((host) => entry({ hosts: [host], resolution: 'DNS', ports }, {}, created));

test('which entries get an address', () => {
  const wants = (spec: object, labels?: object) => entry({ ports, ...spec }, labels).map(wantsAddress);
  assert.deepEqual(wants({ hosts: ['a.example', 'b.example'], resolution: 'DNS' }), [true, true]);
  assert.deepEqual(wants({ hosts: ['a.example'], resolution: 'STATIC', endpoints: [{ address: '1.2.3.4' }] }), [true]);
  assert.deepEqual(wants({ hosts: ['a.example'], resolution: 'NONE' }), [false]);
  assert.deepEqual(wants({ hosts: ['a.example'], resolution: 'DNS', addresses: ['1.2.3.4'] }), [false]);
  assert.deepEqual(wants({ hosts: ['*.example'], resolution: 'STATIC', endpoints: [{ address: '1.2.3.4' }] }), [false]);
  const tls = [{ number: 443, name: 'tls', protocol: 'TLS' }];
  assert.deepEqual(wants({ hosts: ['*.example'], resolution: 'DYNAMIC_DNS', ports: tls }), [true]);
  assert.deepEqual(
    wants({ hosts: ['a.example'], resolution: 'DNS' }, { 'networking.istio.io/enable-autoallocate-ip': 'false' }),
    [false],
  );
});

test('addresses are in their ranges, and no two hosts have one', () => {
  const names = Array.from({ length: 3000 }, (_, index) => `db-${index}.example`);
  const found = [...automaticAddresses(hosts(names), new Set()).values()];
  assert.equal(new Set(found.map(({ v4 }) => v4)).size, names.length);
  assert.equal(new Set(found.map(({ v6 }) => v6)).size, names.length);
  for (const { v4, v6 } of found) {
    const [, high = -1, low = -1] = /^240\.240\.(\d+)\.(\d+)$/.exec(v4)?.map(Number) ?? [];
    assert.ok(high >= 0 && high <= 255 && low >= 1 && low <= 254, v4);
    assert.match(v6, /^2001:2::f0f0:[\da-f]{1,4}$/);
  }
});

test('younger hosts take nothing from older ones, and the order of input means nothing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 60 }), fc.nat(60), (words, cut) => {
      const names = words.map((word) => `${word}.example`);
      const old = hosts(names.slice(0, cut), '2020-01-01T00:00:00Z');
      const young = hosts(names.slice(cut), '2021-01-01T00:00:00Z');
      const before = automaticAddresses(old.toSorted(byServiceAge), new Set());
      const after = automaticAddresses([...young, ...old].toSorted(byServiceAge), new Set());
      for (const [host, address] of before) assert.deepEqual(after.get(host), address);
      assert.equal(after.size, names.length);
    }),
  );
});

test('an address that somebody wrote goes to no other', () => {
  const [service] = hosts(['a.example']);
  assert.ok(service);
  const free = automaticAddresses([service], new Set()).get('a.example');
  assert.ok(free);
  assert.notDeepEqual(automaticAddresses([service], new Set([free.v4])).get('a.example'), free);
});
