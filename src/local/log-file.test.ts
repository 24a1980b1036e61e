// Logs: bounded, split by run, and read by lines.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastLines, LogFile, logFiles, readLogLines } from './log-file.ts';

async function all(lines: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const line of lines) text += line;
  return text;
}

test('a log keeps its end, and the run before', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-log-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = logFiles(folder, 'c');
  const first = new LogFile(files, 100);
  for (let line = 0; line < 50; line++) first.write(`line ${line} é\n`);
  first.write('no end');
  first[Symbol.dispose]();
  assert.ok(statSync(files.current).size <= 100 && statSync(files.older).size <= 100);
  const kept = await all(readLogLines(files, {}));
  assert.match(kept, /line 48 é\nline 49 é\nno end\n$/);
  assert.equal(await all(readLogLines(files, { tail: 2 })), 'line 49 é\nno end\n');
  const second = new LogFile(files);
  second.write('second\n');
  second[Symbol.dispose]();
  assert.equal(await all(readLogLines(files, {})), 'second\n');
  assert.match(await all(readLogLines(files, { previous: true })), /line 49 é\nno end\n$/);
});

test('the last lines of a text', () => {
  const text = Buffer.from('a\nb\nc\n');
  assert.equal(lastLines(text, 2).toString(), 'b\nc\n');
  assert.equal(lastLines(text, 9).toString(), 'a\nb\nc\n');
  assert.equal(lastLines(text, 0).toString(), '');
  assert.equal(lastLines(Buffer.from('a\nb'), 1).toString(), 'b');
});
