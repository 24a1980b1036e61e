// docs/guides/explain.md is followed, and prints what it says. `npm test -- --update test/behaviour` writes its outputs anew.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { guideSteps, withOutputs } from '../support/guide.ts';
import { lineDiff } from '../support/line-diff.ts';

const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs/guides/explain.md');
const folder = mkdtempSync(join(tmpdir(), 'lateen-guide-'));

after(() => rmSync(folder, { recursive: true, force: true }));

test('the guide to lateen why shows what it prints', () => {
  const text = readFileSync(page, 'utf8');
  const outputs = guideSteps(text).flatMap((step) => {
    if (step.is === 'file') {
      writeFileSync(join(folder, step.name), step.text);
      return [];
    }
    const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH']}`, NO_COLOR: '1' };
    const { stdout, stderr } = spawnSync('sh', ['-c', step.command], { cwd: folder, env, encoding: 'utf8' });
    assert.equal(stderr, '', step.command);
    return [stdout];
  });
  const now = withOutputs(text, outputs);
  if (now !== text && process.env['LATEEN_UPDATE'] === '1') writeFileSync(page, now);
  else assert.equal(now, text, `${lineDiff(text, now)}\nto accept: npm test -- --update test/behaviour`);
});
