import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readText } from './diagnostics.ts';

test('the last line counts what was read, good or not', () => {
  assert.equal(readText(3, { error: 1, warning: 0, info: 0 }), '3 objects read: 1 error');
  assert.equal(readText(1, { error: 0, warning: 0, info: 0 }), '1 object read: all valid');
  assert.equal(readText(2, { error: 0, warning: 0, info: 2 }), '2 objects read: all valid, 2 notes');
  assert.equal(readText(2, { error: 1, warning: 2, info: 1 }), '2 objects read: 1 error, 2 warnings, 1 note');
});
