import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect, signal } from '@preact/signals-core';
import { family, familyBy } from './family.ts';

test('one key is one cell, computed once however many read it', () => {
  let runs = 0;
  const squares = familyBy<number, number>(String, (number) => {
    runs += 1;
    return number * number;
  });
  assert.equal(squares(3), squares(3));
  assert.deepEqual([squares(3).value, squares(3).value, squares(4).value], [9, 9, 16]);
  assert.equal(runs, 2);
});

test('a cell that gives back its previous value wakes nobody', () => {
  const source = signal(1);
  const parity = family<{ readonly odd: boolean }>((_key, previous) => {
    const odd = source.value % 2 === 1;
    return previous?.odd === odd ? previous : { odd };
  });
  let woken = 0;
  const end = effect(() => {
    void parity('').value;
    woken += 1;
  });
  source.value = 3;
  assert.equal(woken, 1);
  source.value = 4;
  assert.equal(woken, 2);
  end();
});

test('a cell that nobody watches any more is forgotten, and made anew for the next asker', () => {
  const made: string[] = [];
  const names = family((key) => {
    made.push(key);
    return key.toUpperCase();
  });
  const first = names('a');
  effect(() => void first.value)();
  assert.notEqual(names('a'), first);
  assert.equal(names('a').value, 'A');
  assert.deepEqual(made, ['a', 'a']);
});
