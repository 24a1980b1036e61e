import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { age, span, tableText } from './table.ts';

describe('tableText', () => {
  it('keeps cells on one line, never empty, and colour out of the widths', () => {
    assert.equal(
      tableText(
        ['a', 'b'],
        [
          ['\u001B[31mred\u001B[39m', 'x\n  y'],
          ['', 'z'],
        ],
      ),
      'A     B\n\u001B[31mred\u001B[39m   x y\n-     z',
    );
  });
});

describe('age', () => {
  it('says how long ago', () => {
    const now = new Date('2030-01-10T00:00:00Z');
    assert.equal(age('2030-01-09T23:59:15Z', now), '45s');
    assert.equal(age('2030-01-10T00:00:05Z', now), '0s');
    assert.equal(age(undefined, now), '');
    assert.deepEqual([150, 3600, 12_000, 90_000, 500_000].map(span), ['2m', '1h', '3h20m', '25h', '5d']);
  });
});
