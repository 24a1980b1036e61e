// The guides on traffic, delivery and plans, followed on one running mesh as their reader would: every command is run, and prints what the guide says.
// `LATEEN_UPDATE=1` writes what it printed into the guide.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { guideSteps, isAsSaid, withOutputs, type Step } from '../support/guide.ts';
import { program, sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
const update = process.env['LATEEN_UPDATE'] === '1';
const root = join(import.meta.dirname, '../..');
const guides = globSync(['docs/guides/traffic/*.md', 'docs/guides/delivery.md', 'docs/guides/plan.md'], { cwd: root }).sort();

/** What the guides' first page has its reader start. */
const samples = [
  'bookinfo/bookinfo.yaml',
  'bookinfo/networking/bookinfo-gateway.yaml',
  'helloworld/helloworld.yaml',
  'httpbin/httpbin.yaml',
  'tcp-echo/tcp-echo.yaml',
  'curl/curl.yaml',
];

let mesh: RunningMesh;
before(async () => {
  if (skip === false) mesh = await startMesh({ files: samples.map(sample) });
});
after(async () => mesh?.[Symbol.asyncDispose]());

test('there are guides', () => assert.notEqual(guides.length, 0));

/** A folder in which the guides' commands mean this mesh. */
function reader(name: string): string {
  const folder = join(mesh.state, name);
  mkdirSync(folder);
  const lateen = join(folder, 'lateen');
  writeFileSync(lateen, `#!/bin/sh\nverb=$1; shift\nexec ${program} "$verb" --state ${mesh.state} "$@"\n`);
  chmodSync(lateen, 0o755);
  return folder;
}

/** Where the guides find the gateway's ports 80 and 443; another mesh on this machine may have taken these. */
const usual = new Map([
  [':8080', 80],
  [':8443', 443],
]);

async function run(folder: string, command: string): Promise<string> {
  let here = command;
  const back = new Map([[`${root}/`, '']]);
  for (const [port, gatewayPort] of usual) {
    if (!command.includes(port)) continue;
    const published = `:${await mesh.port(gatewayPort)}`;
    here = here.replaceAll(port, published);
    back.set(published, port);
  }
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1', LATEEN: root };
  let printed = await new Promise<string>((resolve) => {
    execFile('bash', ['-c', here], { cwd: folder, env, timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  for (const [ours, guides] of back) printed = printed.replaceAll(ours, guides);
  return printed;
}

/** What changes something is done once; what looks is done until it sees what the guide says: a change takes a moment. */
const changes = (command: string): boolean => /^lateen (apply|delete)\b/.test(command);

async function follow(folder: string, step: Extract<Step, { is: 'command' }>): Promise<string> {
  let printed = '';
  const once = async () => isAsSaid(step, (printed = await run(folder, step.command)));
  if (update) {
    // Long enough for what was changed before to be everywhere.
    await new Promise((resolve) => setTimeout(resolve, changes(step.command) ? 0 : 3000));
    await once();
    return isAsSaid(step, printed) ? step.expected : printed;
  }
  const told = () => `$ ${step.command}\nprints what the guide says:\n${step.expected}\nit printed:\n${printed}`;
  if (changes(step.command)) assert.ok(await once(), told());
  else await until(once, told, 30_000);
  return printed;
}

for (const guide of guides) {
  test(`${guide} is true`, { skip }, async () => {
    const path = join(root, guide);
    const text = readFileSync(path, 'utf8');
    const folder = reader(basename(guide, '.md'));
    const outputs: string[] = [];
    for (const step of guideSteps(text)) {
      if (step.is === 'file') writeFileSync(join(folder, step.name), step.text);
      else outputs.push(await follow(folder, step));
    }
    if (update) writeFileSync(path, withOutputs(text, outputs));
  });
}
