import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containsIp, parseIpRange } from './ip-range.ts';

const within = (outer: string, inner: string): boolean | undefined => {
  const [a, b] = [parseIpRange(outer), parseIpRange(inner)];
  return a && b && containsIp(a, b);
};

test('an address is in the ranges that share its leading bits', () => {
  assert.equal(within('10.0.0.0/8', '10.255.0.1'), true);
  assert.equal(within('10.0.0.0/8', '11.0.0.1'), false);
  assert.equal(within('10.1.2.3/8', '10.9.9.9'), true);
  assert.equal(within('0.0.0.0/0', '192.0.2.1'), true);
  assert.equal(within('10.0.0.0/24', '10.0.0.0/16'), false);
  assert.equal(within('2001:db8::/32', '2001:db8:1::2'), true);
  assert.equal(within('2001:db8::/32', '2001:db9::'), false);
  assert.equal(within('::ffff:10.0.0.0/104', '::ffff:10.1.2.3'), true);
  assert.equal(within('0.0.0.0/0', '::1'), false);
});

test('what is no address is none', () => {
  for (const text of ['', 'a', '10.0.0', '10.0.0.256', '10.0.0.0/33', '10.0.0.0/a', '1::2::3', ':1', '1:2:3', 'g::', '::/129']) {
    assert.equal(parseIpRange(text), undefined, text);
  }
});
