import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { ProxyLog } from './proxy-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'lt-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function read(log: ProxyLog, chunks: readonly string[]): Promise<void> {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  log.read(stream);
  await once(stream, 'close');
}

test('lines are put together from pieces, and the last without an end counts', async () => {
  const log = new ProxyLog();
  await read(log, ['one\ntw', 'o\n\nthr', 'ee']);
  assert.deepEqual(log.lines, ['one', 'two', '', 'three']);
});

test('memory is bounded, by lines and by their length', async () => {
  const log = new ProxyLog({ maxLines: 3 });
  await read(log, ['a\nb\nc\nd\n', 'x'.repeat(20_000)]);
  assert.equal(log.lines.length, 3);
  assert.ok(log.lines.every((line) => line.length <= 8192));
});

test('the file has every line, and moves away when it is full', async () => {
  const file = join(folder, 'full.log');
  const log = new ProxyLog({ file, maxFileBytes: 20 });
  log.write('the first line');
  await log[Symbol.asyncDispose]();
  log.write('the second line');
  await log[Symbol.asyncDispose]();
  log.write('the third line');
  await log[Symbol.asyncDispose]();
  assert.equal(
    readFileSync(`${file}.1`, 'utf8') + readFileSync(file, 'utf8'),
    'the first line\nthe second line\nthe third line\n',
  );
});

test('a link in the file’s place is not followed, and the lines stay in memory', async () => {
  const file = join(folder, 'link.log');
  symlinkSync(join(folder, 'elsewhere'), file);
  const log = new ProxyLog({ file });
  log.write('secret of the proxy');
  await log[Symbol.asyncDispose]();
  assert.equal(log.lines[0], 'secret of the proxy');
  assert.match(log.lines[1] ?? '', /this log cannot be written/);
});
