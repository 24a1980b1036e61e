import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findEnvoy } from './envoy-binary.ts';

const folder = mkdtempSync(join(tmpdir(), 'lt-envoy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with an `envoy` that says that it is of some version. */
function envoyOf(version: string): string {
  const place = join(folder, version);
  mkdirSync(place);
  const file = join(place, 'envoy');
  writeFileSync(file, `#!/bin/sh\necho "envoy  version: abc/${version}/Clean/RELEASE/BoringSSL"\n`);
  chmodSync(file, 0o755);
  return place;
}

const right = envoyOf('1.40.0');
const old = envoyOf('1.31.2');
const nothing = join(folder, 'nothing');

test('one of the right version is found on PATH, past one that is not', async () => {
  assert.equal(await findEnvoy({ searchPath: `${old}:${right}`, cacheFolder: nothing }), join(right, 'envoy'));
});

test('the cache is looked into last', async () => {
  assert.equal(await findEnvoy({ searchPath: `:relative:${old}`, cacheFolder: right }), join(right, 'envoy'));
});

test('none is an error that names what was there', async () => {
  await assert.rejects(findEnvoy({ searchPath: old, cacheFolder: nothing }), {
    code: 'LAT0801',
    message: /no Envoy 1\.40\.0 .*envoy is 1\.31\.2/,
  });
});

test('a path is used, or refused with what is wrong', async () => {
  assert.equal(await findEnvoy({ path: join(right, 'envoy') }), join(right, 'envoy'));
  await assert.rejects(findEnvoy({ path: join(old, 'envoy') }), { code: 'LAT0802' });
  await assert.rejects(findEnvoy({ path: join(nothing, 'envoy') }), { code: 'LAT0801' });
});
