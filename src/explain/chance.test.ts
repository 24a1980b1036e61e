import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyWay } from './chance.ts';

test('every way is found once, the likeliest first, and together they are all', () => {
  const ways = everyWay((chance) => (chance.happens(0.2) ? 'a' : chance.happens(0.5) ? 'b' : 'c'));
  assert.deepEqual(ways.map(({ result }) => result).sort(), ['a', 'b', 'c']);
  assert.equal(
    ways.reduce((sum, { probability }) => sum + probability, 0),
    1,
  );
  assert.equal(ways[0].probability, 0.4);
});

test('what is certain is no choice', () => {
  assert.equal(everyWay((chance) => chance.happens(1) && !chance.happens(0)).length, 1);
});

test('many choices are cut off', () => {
  const ways = everyWay((chance) => Array.from({ length: 20 }, () => chance.happens(0.5)).join());
  assert.equal(ways.length, 16);
});
