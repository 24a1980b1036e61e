import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from '../api/diagnostic.ts';
import { noteErrors, readText } from './diagnostics.ts';

test('the last line counts what was read, good or not', () => {
  assert.equal(readText(3, { error: 1, warning: 0, info: 0 }), '3 objects read: 1 error');
  assert.equal(readText(1, { error: 0, warning: 0, info: 0 }), '1 object read: all valid');
  assert.equal(readText(2, { error: 0, warning: 0, info: 2 }), '2 objects read: all valid, 2 notes');
  assert.equal(readText(2, { error: 1, warning: 2, info: 1 }), '2 objects read: 1 error, 2 warnings, 1 note');
});

test('many errors do not hide the answer that comes after them', () => {
  const error = (line: number): Diagnostic => ({
    code: 'LAT0103',
    severity: 'error',
    path: [],
    message: 'defined already',
    help: '',
    file: 'a.yaml',
    line,
  });
  const noted = (count: number): string[] => {
    const lines: string[] = [];
    const terminal = {
      line: () => {},
      write: () => {},
      note: (text: string) => void lines.push(text),
      style: (_style: unknown, text: string) => text,
      interactive: false,
      columns: 80,
      signal: new AbortController().signal,
    };
    noteErrors(
      terminal,
      Array.from({ length: count }, (_, index) => error(index + 1)),
    );
    return lines;
  };
  assert.equal(noted(9).length, 9);
  assert.deepEqual(noted(30).slice(8), ['and 22 more errors; lateen validate shows all of them']);
});
