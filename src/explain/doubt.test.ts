// Every way in which what nobody wrote down can be: each once, with the same answer to the same question.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyCase, type Doubt } from './doubt.ts';

test('what is asked for is taken both ways, and what is asked again as before', () => {
  const cases = everyCase((doubt) => {
    const first = doubt.holds('a');
    assert.equal(doubt.taken('a'), first);
    // Asked only where it matters.
    const second = first && doubt.holds('b');
    assert.equal(doubt.holds('a'), first);
    return [first, second];
  });
  assert.deepEqual(cases?.map(({ result }) => result).sort(), [
    [false, false],
    [true, false],
    [true, true],
  ]);
  assert.equal(cases?.find(({ result }) => !result[0])?.taken.has('b'), false);
});

test('what is taken already stays', () => {
  const cases = everyCase((doubt) => [doubt.holds('a'), doubt.holds('b')], new Map([['a', true]]));
  assert.deepEqual(cases?.map(({ result }) => result).sort(), [
    [true, false],
    [true, true],
  ]);
});

test('more ways than anybody looks at are none', () => {
  const many = (count: number) => (doubt: Doubt) => Array.from({ length: count }, (_, index) => doubt.holds(String(index)));
  assert.equal(everyCase(many(4), new Map(), 16)?.length, 16);
  assert.equal(everyCase(many(5), new Map(), 16), undefined);
});
