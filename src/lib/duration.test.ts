// Durations to numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { milliseconds, seconds } from './duration.ts';

test('reads the units of Go', () => {
  assert.equal(milliseconds('1.5s'), 1500);
  assert.equal(milliseconds('100ms'), 100);
  assert.equal(milliseconds('1h30m'), 5_400_000);
  assert.equal(milliseconds('0.1s'), 100);
  assert.equal(milliseconds('.5s'), 500);
  assert.equal(milliseconds('250us'), 0.25);
  assert.equal(milliseconds('0'), 0);
  assert.equal(seconds('2m'), 120);
});

test('says NaN of what is no duration', () => {
  for (const text of ['', '5', '1d', '-1s', '1 s', 's', '1.2.3s', '1s!']) assert.ok(Number.isNaN(milliseconds(text)), text);
});

test('adds up its parts', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
      assert.equal(milliseconds(`${h}h${m}m${s}s${ms}ms`), h * 3_600_000 + m * 60_000 + s * 1000 + ms);
    }),
  );
});
