import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { resource } from '../../test/support/xds/fake-compiler.ts';
import { typeUrl } from '../compile/resource.ts';
import { Packer } from './pack.ts';
import { deltaHead, sotwHead } from './response.ts';

const many = (count: number, size = 20) =>
  Array.from({ length: count }, (_, index) => resource(`r${index}`, Buffer.alloc(size, `${index} `)));

test('protobuf-es reads what is written, whatever the names and sizes', () => {
  const some = fc.uniqueArray(fc.record({ name: fc.string(), bytes: fc.uint8Array({ maxLength: 400 }) }), {
    maxLength: 40,
    selector: ({ name }) => name,
  });
  fc.assert(
    fc.property(some, fc.array(fc.string()), (given, removed) => {
      const packer = new Packer();
      const resources = given.map(({ name, bytes }) => resource(name.toWellFormed(), bytes));
      const wellFormed = removed.map((name) => name.toWellFormed());
      const delta = fromBinary(
        DeltaDiscoveryResponseSchema,
        Buffer.concat([deltaHead('route', 'n1', wellFormed), ...packer.pack('delta', 'route', resources)]),
      );
      assert.deepEqual(
        delta.resources.map(({ name, version, resource: any }) => [name, version, any?.typeUrl, Buffer.from(any?.value ?? [])]),
        resources.map(({ name, version, bytes }) => [name, version, typeUrl.route, Buffer.from(bytes)]),
      );
      assert.deepEqual([delta.typeUrl, delta.nonce, delta.removedResources], [typeUrl.route, 'n1', wellFormed]);
      const sotw = fromBinary(
        DiscoveryResponseSchema,
        Buffer.concat([sotwHead('route', 'n2', 'v'), ...packer.pack('sotw', 'route', resources)]),
      );
      assert.deepEqual(
        sotw.resources.map(({ value }) => Buffer.from(value)),
        resources.map(({ bytes }) => Buffer.from(bytes)),
      );
      assert.deepEqual([sotw.typeUrl, sotw.nonce, sotw.versionInfo], [typeUrl.route, 'n2', 'v']);
    }),
  );
});

test('lists that differ in one place share the buffers of all others', () => {
  const packer = new Packer();
  const base = many(1000);
  const other = [...base];
  other.splice(500, 1, resource('own', Buffer.from('own')));
  const [left, right] = [packer.pack('delta', 'cluster', base), packer.pack('delta', 'cluster', other)];
  const shared = right.filter((part) => left.includes(part));
  assert.ok(shared.length >= right.length - 2, `${shared.length} of ${right.length}`);
  assert.ok(right.length < 100);
});

test('what is kept stays within the budget and is made again', () => {
  const packer = new Packer(10_000);
  const lists = Array.from({ length: 10 }, () => many(200));
  const before = lists.map((list) => Buffer.concat(packer.pack('delta', 'cluster', list)));
  assert.ok(packer.held <= 10_000 + 5_000, String(packer.held));
  for (const [index, list] of lists.entries()) {
    assert.ok(Buffer.concat(packer.pack('delta', 'cluster', list)).equals(before[index] ?? Buffer.alloc(0)));
  }
});
