import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RunFolder } from './run-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'lt-run-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a path that is too long for a socket is refused, with its length', async () => {
  await assert.rejects(RunFolder.open(join(folder, 'x'.repeat(100))), { code: 'LAT0804', message: /bytes, and Linux takes 107/ });
  await assert.rejects(RunFolder.open('run'), { code: 'LAT0804', message: /is not absolute/ });
});

test('what an earlier run left is replaced, what is not ours stays', async () => {
  const path = join(folder, 'left');
  mkdirSync(path, { mode: 0o755 });
  writeFileSync(join(path, 'agent.sock'), '');
  symlinkSync(join(folder, 'elsewhere'), join(path, 'bootstrap.json'));
  writeFileSync(join(path, 'notes'), '');
  const run = await RunFolder.open(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  await run.writeBootstrap('{}');
  assert.equal(existsSync(join(folder, 'elsewhere')), false, 'a planted link is not followed');
  assert.equal(readFileSync(run.bootstrapFile, 'utf8'), '{}');
  await run[Symbol.asyncDispose]();
  assert.equal(existsSync(run.bootstrapFile), false);
  assert.equal(existsSync(join(path, 'notes')), true);
});

test('an own folder goes at the end', async () => {
  const path = join(folder, 'own');
  const run = await RunFolder.open(path);
  await run[Symbol.asyncDispose]();
  assert.equal(existsSync(path), false);
});

test('a link in the folder’s place is refused', async () => {
  const path = join(folder, 'link');
  symlinkSync(folder, path);
  await assert.rejects(RunFolder.open(path), { code: 'LAT0805', message: /it is a link or a file/ });
});

test(
  'a folder out of the proxy user’s reach is refused, with the folder in its way',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async () => {
    await assert.rejects(RunFolder.open(join(folder, 'deep/w'), { uid: 1337, gid: 1337 }), {
      code: 'LAT0805',
      message: /user 1337, which Envoy runs as, cannot pass through/,
    });
  },
);
