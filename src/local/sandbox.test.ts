// What a person is told to do where the kernel gives no namespaces, and who holds a state folder.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalError } from './local-error.ts';
import { adviceFor } from './sandbox.ts';
import { instanceOf, stateFolder, takeStateFolder } from './state-folder.ts';

test('the advice names the setting that forbids it', () => {
  const advice = (settings: Record<string, string>, root = false) => adviceFor(root, (name) => settings[name]);
  assert.match(
    advice({ 'kernel/apparmor_restrict_unprivileged_userns': '1' }),
    /sysctl kernel\.apparmor_restrict_unprivileged_userns=0/,
  );
  assert.match(advice({ 'kernel/unprivileged_userns_clone': '0' }), /unprivileged_userns_clone=1/);
  assert.match(advice({ 'user/max_user_namespaces': '0' }), /max_user_namespaces=/);
  assert.match(advice({}), /run as root/);
  assert.match(advice({}, true), /CAP_SYS_ADMIN/);
});

test('a state folder is held by one process, and by none that was killed', (context) => {
  const folder = stateFolder(mkdtempSync(join(tmpdir(), 'lateen-state-')));
  context.after(() => rmSync(folder.path, { recursive: true }));
  const said: string[] = [];
  const held = takeStateFolder(folder, (line) => said.push(line));
  assert.throws(
    () => takeStateFolder(folder, () => {}),
    (error) => error instanceof LocalError && error.code === 'LAT2014',
  );
  held[Symbol.dispose]();
  assert.equal(instanceOf(folder), undefined);

  // This process' pid, but of another life.
  writeFileSync(join(folder.path, 'lateen.pid'), `${process.pid} 1\n`);
  assert.equal(instanceOf(folder), 'stale');
  using _again = takeStateFolder(folder, (line) => said.push(line));
  assert.equal(said.length, 1);
  assert.ok(existsSync(folder.run));
});

test('a path too long for sockets is told', () => {
  assert.throws(() => stateFolder(`/${'x'.repeat(100)}`), /too long/);
});
