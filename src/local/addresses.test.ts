// Addresses: given in turn, given back, and the same for a service at every start.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodAddresses, serviceAddress } from './addresses.ts';

test('an address that was given back is not the next one', () => {
  const addresses = new PodAddresses();
  const first = addresses.take();
  assert.equal(first, '10.244.0.10');
  addresses.giveBack(first);
  assert.equal(addresses.take(), '10.244.0.11');
});

test('no address is given twice while it is in use', () => {
  const addresses = new PodAddresses();
  const seen = new Set(Array.from({ length: 65_525 }, () => addresses.take()));
  assert.equal(seen.size, 65_525);
  assert.throws(() => addresses.take(), RangeError);
  addresses.giveBack('10.244.3.7');
  assert.equal(addresses.take(), '10.244.3.7');
});

test('a service’s address comes from its name, or stands beside it where that is taken', () => {
  const own = serviceAddress('default', 'reviews', new Set());
  assert.equal(serviceAddress('default', 'reviews', new Set()), own);
  assert.notEqual(serviceAddress('other', 'reviews', new Set()), own);
  const next = serviceAddress('default', 'reviews', new Set([own]));
  assert.notEqual(next, own);
  assert.match(next, /^10\.96\.([1-9]|\d\d+)\.\d+$/);
});
