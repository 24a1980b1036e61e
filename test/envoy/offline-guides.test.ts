// The guides that need nothing running, followed as their reader would: every command is run, and prints what the guide says.
// `LATEEN_UPDATE=1` writes what it printed into the guide.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { guideSteps, isAsSaid, withOutputs } from '../support/guide.ts';

const update = process.env['LATEEN_UPDATE'] === '1';
const root = join(import.meta.dirname, '../..');
const guides = ['docs/guides/analyze.md'];

const run = (folder: string, command: string): Promise<string> =>
  new Promise((resolve) => {
    const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };
    execFile('bash', ['-c', command], { cwd: folder, env, timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });

for (const guide of guides) {
  test(`${guide} is true`, async () => {
    const path = join(root, guide);
    const text = readFileSync(path, 'utf8');
    const folder = mkdtempSync(join(tmpdir(), 'lateen-guide-'));
    try {
      const outputs: string[] = [];
      for (const step of guideSteps(text)) {
        if (step.is === 'file') {
          writeFileSync(join(folder, step.name), step.text);
          continue;
        }
        const printed = await run(folder, step.command);
        outputs.push(printed);
        if (!update) assert.ok(isAsSaid(step, printed), `$ ${step.command}\nit says:\n${step.expected}\nit printed:\n${printed}`);
      }
      if (update) writeFileSync(path, withOutputs(text, outputs));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
