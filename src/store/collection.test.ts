import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batch, computed, effect } from '@preact/signals-core';
import { Collection } from './collection.ts';

interface Item {
  readonly name: string;
  readonly place: string;
}

const byName = (a: Item, b: Item): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function shelf(...items: Item[]) {
  const collection = new Collection<Item>(byName);
  for (const item of items) collection.set(item.name, item);
  return collection;
}

/** How often a computed over `read` ran, while an effect watches it. */
function watched<T>(read: () => T) {
  const runs = { count: 0, value: undefined as T | undefined };
  const cell = computed(() => {
    runs.count += 1;
    return read();
  });
  const end = effect(() => {
    runs.value = cell.value;
  });
  return { runs, end };
}

test('an index gives the values of a key in the collection’s order, the same array until one changes', () => {
  const collection = shelf({ name: 'b', place: 'x' }, { name: 'a', place: 'x' }, { name: 'c', place: 'y' });
  const index = collection.index(({ place }) => [place]);
  const first = index.get('x');
  assert.deepEqual(
    first.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(index.get('x'), first);
  collection.set('d', { name: 'd', place: 'y' });
  assert.equal(index.get('x'), first);
  collection.set('a', undefined);
  assert.deepEqual(
    index.get('x').map(({ name }) => name),
    ['b'],
  );
});

test('a reader of one key runs for changes of that key alone, and for the first value of a key that had none', () => {
  const collection = shelf({ name: 'a', place: 'x' });
  const index = collection.index(({ place }) => [place]);
  const x = watched(() => index.get('x').length);
  const nowhere = watched(() => index.get('z').length);
  collection.set('b', { name: 'b', place: 'y' });
  assert.deepEqual([x.runs.count, nowhere.runs.count], [1, 1]);
  collection.set('b', { name: 'b', place: 'z' });
  assert.deepEqual([x.runs.count, nowhere.runs.count], [1, 2]);
  assert.equal(nowhere.runs.value, 1);
  x.end();
  nowhere.end();
});

test('a reader of one value runs for that value alone', () => {
  const collection = shelf({ name: 'a', place: 'x' });
  const a = watched(() => collection.get('a'));
  const missing = watched(() => collection.get('b'));
  collection.set('c', { name: 'c', place: 'x' });
  assert.deepEqual([a.runs.count, missing.runs.count], [1, 1]);
  collection.set('b', { name: 'b', place: 'x' });
  assert.deepEqual([a.runs.count, missing.runs.count], [1, 2]);
  a.end();
  missing.end();
});

test('changes of one batch are one change to readers', () => {
  const collection = shelf();
  const all = watched(() => collection.all().length);
  batch(() => {
    for (const name of ['a', 'b', 'c']) collection.set(name, { name, place: 'x' });
  });
  assert.deepEqual([all.runs.count, all.runs.value], [2, 3]);
  all.end();
});

test('a derived collection follows additions, changes of what a value yields, and removals', () => {
  const collection = shelf({ name: 'a', place: 'x y' });
  const places = collection.derive<string>(
    (a, b) => (a < b ? -1 : 1),
    ({ place }, key) => place.split(' ').map((word) => [`${key}/${word}`, word] as const),
  );
  assert.deepEqual(places.all(), ['x', 'y']);
  collection.set('a', { name: 'a', place: 'y z' });
  assert.deepEqual(places.all(), ['y', 'z']);
  collection.set('b', { name: 'b', place: 'w' });
  assert.deepEqual(places.all(), ['w', 'y', 'z']);
  collection.set('a', undefined);
  assert.deepEqual(places.all(), ['w']);
});

test('a value under several index keys leaves those it no longer has', () => {
  const collection = shelf({ name: 'a', place: 'x y' });
  const index = collection.index(({ place }) => place.split(' '));
  collection.set('a', { name: 'a', place: 'y z' });
  assert.deepEqual([index.get('x').length, index.get('y').length, index.get('z').length], [0, 1, 1]);
});

test('a joined value is made again when one that it reads changes, comes or goes, and for no other', () => {
  const collection = shelf({ name: 'a', place: 'b' }, { name: 'c', place: '' });
  const made: string[] = [];
  const joined = collection.deriveJoined<string>(
    () => 0,
    ({ place }) => [place],
    ({ name, place }, at) => {
      made.push(name);
      return `${name}>${at(place)?.place ?? 'nothing'}`;
    },
  );
  assert.equal(joined.get('a'), 'a>nothing');
  made.length = 0;
  collection.set('b', { name: 'b', place: 'x' });
  assert.equal(joined.get('a'), 'a>x');
  collection.set('b', undefined);
  assert.equal(joined.get('a'), 'a>nothing');
  assert.equal(joined.get('b'), undefined);
  collection.set('a', { name: 'a', place: 'c' });
  collection.set('b', { name: 'b', place: 'y' });
  assert.equal(joined.get('a'), 'a>');
  collection.set('a', undefined);
  assert.equal(joined.get('a'), undefined);
  assert.deepEqual(made.sort(), ['a', 'a', 'a', 'b', 'b']);
});
