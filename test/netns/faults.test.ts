// Processes killed without warning: an Envoy, the mesh inside its sandbox, all of it. What was there comes back, and nothing stays behind.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({ files: [sample('httpbin/httpbin.yaml'), sample('curl/curl.yaml')] });
});

after(() => mesh?.[Symbol.asyncDispose]());

const serves = async () => (await mesh.curl('curl', 'http://httpbin:8000/status/418')).status === 418;

test('an Envoy that is killed comes back and serves', { skip }, async () => {
  assert.ok(await serves());
  const { name } = await mesh.pod('httpbin');
  const info = JSON.parse(await mesh.admin(name, '/server_info')) as { command_line_options: { config_path: string } };
  const envoys = below(mesh.pid).filter((pid) => commandOf(pid).includes(info.command_line_options.config_path));
  assert.equal(envoys.length, 1);
  for (const pid of envoys) process.kill(pid, 'SIGKILL');
  await until(
    async () => (await mesh.status()).workloads.some((each) => each.name === name && /restart/.test(each.proxy)),
    () => 'status to say so',
  );
  await until(serves, () => 'an answer again');
  assert.match(await mesh.admin(name, '/ready'), /LIVE/);
  assert.match((await mesh.lateen(['logs', name, '-c', 'istio-proxy'])).stdout, /ended by SIGKILL/);
});

test('the mesh dies inside: lateen up ends and says so, and starts again with what was applied', { skip }, async () => {
  await mesh.apply(sample('security/httpbin-deny-method-get.yaml'));
  await until(
    async () => (await mesh.curl('curl', 'http://httpbin:8000/get')).status === 403,
    () => 'a denial',
  );
  const all = below(mesh.pid);
  const inside = all.filter((pid) => commandOf(pid).startsWith(process.execPath) && commandOf(pid).includes('cli/inside.ts'));
  assert.equal(inside.length, 1);
  for (const pid of inside) process.kill(pid, 'SIGKILL');
  await until(
    () => all.every((pid) => !isAlive(pid)),
    () => 'the end of every process',
  );
  assert.notEqual(await mesh.stop(), 0);
  assert.match(mesh.log, /the mesh has ended by itself/);
  await mesh.start();
  assert.equal((await mesh.curl('curl', 'http://httpbin:8000/get')).status, 403);
  assert.equal((await mesh.curl('curl', '-X', 'POST', 'http://httpbin:8000/post')).status, 200);
  await mesh.delete(sample('security/httpbin-deny-method-get.yaml'));
});

test('lateen exec that is told to end leaves no program behind', { skip }, async () => {
  const mark = 'stays-unless-told-otherwise';
  const child = mesh.execute('curl', ['sh', '-c', `echo begun; while sleep 1; do :; done; echo ${mark}`]);
  const running = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(Number(pid)).includes(mark));
  await once(child.stdout ?? child, 'data');
  assert.ok(running().length > 1, 'the verb, and the program in its pod');
  child.kill('SIGTERM');
  await until(
    () => running().length === 0,
    () => `the end of ${running().join()}`,
  );
});

test('everything is killed: lateen down cleans up, and so does the next lateen up', { skip }, async () => {
  for (const next of ['down', 'up'] as const) {
    const all = below(mesh.pid);
    assert.ok(all.length > 5);
    await mesh.kill();
    await until(
      () => all.every((pid) => !isAlive(pid)),
      () => `the end of ${all.filter(isAlive).map(commandOf).join(', ')}`,
    );
    const status = await mesh.lateen(['status']);
    assert.equal(status.code, 1);
    assert.match(status.stderr, /no mesh|not running|nothing|lateen up/i);
    if (next === 'down') {
      const down = await mesh.lateen(['down']);
      assert.deepEqual([down.code, /cleaned up/.test(down.stdout)], [0, true], down.stdout + down.stderr);
      assert.ok(!existsSync(`${mesh.state}/lateen.pid`));
      assert.match((await mesh.lateen(['down'])).stdout, /nothing runs here/);
    }
    await mesh.start();
    await until(serves, () => 'an answer again');
  }
});

test('a second lateen up on the same folder says who has it', { skip }, async () => {
  const second = await mesh.lateen(['up']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`${mesh.pid}`));
  assert.ok(await serves());
});

test('lateen up -d goes to the background, lateen down ends it', { skip }, async () => {
  await mesh.stop();
  const up = await mesh.lateen(['up', '-d', '-f', sample('httpbin/httpbin.yaml'), '-f', sample('curl/curl.yaml')]);
  assert.equal(up.code, 0, up.stdout + up.stderr);
  const pid = Number(/process (\d+)/.exec(up.stdout)?.[1]);
  const all = below(pid);
  await until(
    async () => (await mesh.pods()).length === 2 && (await serves()),
    () => 'an answer',
  );
  const down = await mesh.lateen(['down']);
  assert.match(down.stdout, /stopped/);
  // What ends in order closes its store and takes its socket away.
  assert.ok(!existsSync(`${mesh.state}/api.sock`) && !existsSync(`${mesh.state}/objects.db-wal`));
  await until(
    () => [pid, ...all].every((each) => !isAlive(each)),
    () => 'the end of every process',
  );
});

/** A process and all that it started, by pid. */
function below(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${entry}/stat`))?.[1]);
    if (Number.isInteger(parent)) parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)]);
  }
  const found = [pid];
  for (const each of found) found.push(...(parents.get(each) ?? []));
  return found;
}

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`);

/** A zombie that nobody has waited for yet is no longer alive. */
const isAlive = (pid: number): boolean => !/^(?:|\d+ \(.*\) [ZX] .*)$/s.test(read(`/proc/${pid}/stat`));

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
