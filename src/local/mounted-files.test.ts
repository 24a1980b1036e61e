import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { mountedFiles, type MountedFolder } from './mounted-files.ts';

/** A machine with a secret of its own, and two volumes of a pod. */
function given(context: TestContext, mounts: readonly (Omit<MountedFolder, 'subPath'> & { readonly subPath?: string })[]) {
  const machine = mkdtempSync(join(tmpdir(), 'lateen-mounts-'));
  context.after(() => rmSync(machine, { recursive: true }));
  for (const folder of ['certs/deep', 'shared/own', 'etc']) mkdirSync(join(machine, folder), { recursive: true });
  writeFileSync(join(machine, 'etc/host.key'), 'of the host');
  writeFileSync(join(machine, 'certs/ca.pem'), 'ca');
  writeFileSync(join(machine, 'certs/deep/tls.key'), 'key');
  writeFileSync(join(machine, 'shared/own/tls.crt'), 'crt');
  const open = mountedFiles(
    mounts.map(({ subPath = '', ...mount }) => ({ ...mount, folder: join(machine, mount.folder), subPath })),
  );
  const read = async (path: string) => {
    await using file = await open(path);
    return file.readFile('utf8');
  };
  return { machine, read };
}

const both = [
  { target: '/etc/certs', folder: 'certs' },
  { target: '/etc/certs/more', folder: 'shared' },
];

test('a path leads to where the innermost volume is mounted', async (context) => {
  const { read } = given(context, [
    ...both,
    { target: '/one.pem', folder: 'certs', subPath: 'ca.pem' },
    { target: '/own', folder: 'shared', subPath: 'own/' },
  ]);
  assert.equal(await read('/etc/certs/ca.pem'), 'ca');
  assert.equal(await read('/etc//certs/./deep/../deep/tls.key'), 'key');
  assert.equal(await read('/etc/certs/more/own/tls.crt'), 'crt');
  assert.equal(await read('/one.pem'), 'ca');
  assert.equal(await read('/own/tls.crt'), 'crt');
  await assert.rejects(read('/etc/certs/none.pem'), { message: 'no such file or directory' });
  await assert.rejects(read('/etc/certs/ca.pem/x'), { message: 'not a directory' });
});

test('links are followed by the paths that the pod sees', async (context) => {
  const { machine, read } = given(context, both);
  // As a kubelet lays a Secret out.
  symlinkSync('deep', join(machine, 'certs/..data'));
  symlinkSync('..data/tls.key', join(machine, 'certs/tls.key'));
  assert.equal(await read('/etc/certs/tls.key'), 'key');
  symlinkSync('/etc/certs/ca.pem', join(machine, 'shared/ca.pem'));
  symlinkSync('../../deep', join(machine, 'shared/own/up'));
  assert.equal(await read('/etc/certs/more/ca.pem'), 'ca');
  assert.equal(await read('/etc/certs/more/own/up/tls.key'), 'key');
  symlinkSync('loop', join(machine, 'certs/loop'));
  await assert.rejects(read('/etc/certs/loop'), { message: 'too many links' });
});

test('nothing leads to the files of the machine', async (context) => {
  const { machine, read } = given(context, [
    ...both,
    { target: '/own', folder: 'shared', subPath: 'own' },
    { target: '/linked', folder: 'shared', subPath: 'out' },
    { target: '/up', folder: 'shared', subPath: '../etc' },
  ]);
  const host = join(machine, 'etc/host.key');
  symlinkSync(host, join(machine, 'shared/key'));
  symlinkSync(join(machine, 'etc'), join(machine, 'shared/out'));
  symlinkSync('../etc', join(machine, 'shared/up'));
  symlinkSync('../../etc/host.key', join(machine, 'shared/own/key'));
  const outside = { message: 'no volume of the pod is mounted there' };
  for (const path of [
    host,
    '/etc/passwd',
    '/etc/certs/../passwd',
    '/etc/certsx',
    '/etc/certs/../../../../../../../../../etc/passwd',
    '/etc/certs/more/key',
    '/etc/certs/more/out/host.key',
    '/own/key',
    'etc/certs/ca.pem',
  ]) {
    await assert.rejects(read(path), outside, path);
  }
  await assert.rejects(read('/etc/certs/more/up/host.key'), { message: 'no such file or directory' });
  await assert.rejects(read('/linked/host.key'), { message: /subPath leads through a link/ });
  await assert.rejects(read('/up/host.key'), { message: 'no such file or directory' });
});

test('a pipe that nobody writes to does not hold anybody up', async (context) => {
  const { machine, read } = given(context, both);
  assert.equal(spawnSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(machine, 'certs/pipe')]).status, 0);
  assert.equal(await read('/etc/certs/pipe'), '');
});
