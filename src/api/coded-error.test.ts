import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from './coded-error.ts';

test('an error says its code and what to do, where it has them', () => {
  const coded = Object.assign(new Error('the address is in use'), { code: 'LAT0902', help: 'stop what uses it' });
  assert.equal(errorText(coded), 'LAT0902: the address is in use (stop what uses it)');
  assert.equal(errorText(Object.assign(new Error('no such file'), { code: 'ENOENT' })), 'no such file');
  assert.equal(errorText({ message: 'from a log', code: 'LAT0101' }), 'LAT0101: from a log');
  assert.equal(errorText('words'), 'words');
  assert.equal(errorText(undefined), 'undefined');
});
