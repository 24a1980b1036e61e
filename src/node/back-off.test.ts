import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackOff } from './back-off.ts';

test('waits double up to the longest, and start over after good health', () => {
  const backOff = new BackOff({ first: 100, longest: 500, random: () => 1 });
  assert.deepEqual([backOff.next(), backOff.next(), backOff.next(), backOff.next(), backOff.next()], [100, 200, 400, 500, 500]);
  backOff.reset();
  assert.equal(backOff.next(), 100);
});

test('chance takes away up to a half', () => {
  const backOff = new BackOff({ first: 100, longest: 500, random: () => 0 });
  assert.deepEqual([backOff.next(), backOff.next()], [50, 100]);
});
