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

describe('tableText on a terminal', () => {
  const long = 'a-name-that-is-much-too-long-for-any-line';
  const rows = [
    ['short', long, long],
    ['b', 'c', 'd'],
  ];
  const widest = (text: string): number => Math.max(...text.split('\n').map((line) => Array.from(line).length));

  it('cuts the widest cells until each line fits, and says where', () => {
    const text = tableText(['a', 'b', 'c'], rows, { columns: 60 });
    assert.ok(widest(text) <= 60, text);
    assert.match(text, /^short {3}a-name-\S*… {3}a-name-\S*…$/m);
    assert.match(text, /^b {7}c +d$/m);
  });

  it('leaves of each column what can still be read, and all of it where there is room', () => {
    assert.equal(widest(tableText(['a', 'b', 'c'], rows, { columns: 10 })), 5 + 3 + 12 + 3 + 12);
    assert.equal(tableText(['a', 'b', 'c'], rows, { columns: 200 }), tableText(['a', 'b', 'c'], rows));
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
