import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfigDump } from '../../src/cli/envoy-tables/config-dump.ts';
import { configurationText } from '../../src/cli/envoy-tables/configuration.ts';
import { nowhere } from '../../src/explain/origins.ts';
import { adminRequest } from '../../src/node/admin.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { gatewayBootstrap } from '../support/soak/bootstrap.ts';
import { lateen, lateenInBackground, type Background, type Ran } from '../support/cli.ts';

const external = (name: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  hosts: [${name}.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.10}]
`;

describe('online verbs, on a control plane of their own', () => {
  let folder: string;
  let state: string;
  let port: number;
  let control: Background;

  const run = (args: readonly string[], input = ''): Promise<Ran> => {
    const [verb = '', ...rest] = args;
    return lateen([verb, '--state', state, ...rest], { input });
  };
  const startControl = async (): Promise<void> => {
    const file = join(folder, 'filed.yaml');
    writeFileSync(file, external('filed'));
    control = lateenInBackground([
      'control',
      '--state',
      state,
      '-f',
      file,
      '--xds',
      `127.0.0.1:${port}`,
      '--xds-tls',
      'off',
      '--http',
      '127.0.0.1:0',
    ]);
    await control.said(/the control plane is ready/);
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-online-'));
    state = join(folder, 'state');
    port = await freePort();
    await startControl();
  });
  after(async () => {
    await control[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('applies, gets, deletes', async () => {
    const name = 'serviceentry.networking.istio.io/a';
    assert.equal((await run(['apply', '-f', '-', '--dry-run'], external('a'))).stdout, `${name} created (dry run)\n`);
    assert.equal((await run(['apply', '-f', '-'], external('a'))).stdout, `${name} created\n`);
    assert.equal((await run(['apply', '-f', '-'], external('a'))).stdout, `${name} unchanged\n`);
    const table = await run(['get', 'se']);
    assert.match(table.stdout, /^NAME +.*AGE\na +.*\nfiled +/);
    assert.match((await run(['get', 'se', 'a', '-o', 'yaml'])).stdout, /^ {2}generation: 1$/m);
    assert.equal((await run(['get', 'se', '-A', '-l', 'app=a', '-o', 'name'])).stdout, `${name}\n`);
    const missing = await run(['get', 'se', 'nobody']);
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /serviceentry\.networking\.istio\.io\/nobody not found/);
    assert.equal((await run(['delete', 'se', 'a'])).stdout, `${name} deleted\n`);
    const filed = await run(['delete', 'se', 'filed']);
    assert.equal(filed.code, 1);
    assert.match(filed.stderr, /comes from .*filed\.yaml:1: take it out of that file/);
  });

  it('analyses all that it has, applied and from files', async () => {
    const rule =
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: lost}\nspec: {host: lost.example.com, subsets: []}\n';
    await run(['apply', '-f', '-'], rule);
    const { code, stdout, stderr } = await run(['analyze', '--fail-on', 'warning']);
    assert.equal(code, 1, stderr);
    assert.match(stdout, /^ {2}-:4:8 warning IST0174 DestinationRule\/default\/lost spec\.host$/m);
    assert.match(stdout, /^2 objects analysed: 1 warning$/m);
    const quiet = await run(['analyze', '--suppress', 'IST0174=DestinationRule default/lost', '--fail-on', 'info']);
    assert.deepEqual([quiet.code, quiet.stdout], [0, '2 objects analysed: nothing is wrong, 1 suppressed\n']);
    assert.match((await run(['analyze', '--suppress', 'LAT'])).stderr, /LAT is not understood/);
    await run(['delete', 'dr', 'lost']);
  });

  it('refuses a bad object alone', async () => {
    const bad = external('bad').replace('resolution: STATIC', 'resolution: SOMEHOW');
    const { code, stdout, stderr } = await run(['apply', '-f', '-'], `${external('good')}---\n${bad}`);
    assert.equal(code, 1);
    assert.equal(stdout, 'serviceentry.networking.istio.io/good created\n');
    assert.match(stderr, /^serviceentry\.networking\.istio\.io\/bad refused$/m);
    assert.match(stderr, /^-:\d+:\d+: error .*spec\.resolution/m);
  });

  it('gives a real Envoy its configuration, shows when it has arrived, and keeps it over kill -9 and restart', async () => {
    const admin = join(folder, 'admin.sock');
    const envoy = spawn(await findEnvoy(), [...envoyArguments, '--config-yaml', JSON.stringify(gatewayBootstrap(port, admin))], {
      stdio: 'ignore',
    });
    const ended = once(envoy, 'exit');
    const clusters = async (): Promise<string> =>
      (await adminRequest(admin, 'GET', '/clusters').catch(() => ({ body: '' }))).body;
    try {
      await run(['apply', '-f', '-'], external('first'));
      await until(async () => (await clusters()).includes('first.example.com'));
      await until(async () => (await run(['status'])).stdout.includes('arrived'));
      assert.match((await run(['status'])).stdout, /^edge +istio-system +remote +- +- +arrived$/m);

      const name = 'serviceentry.networking.istio.io';
      assert.equal((await run(['wait', 'se/first'])).stdout, `${name}/first acknowledged by 1 proxy\n`);
      assert.match((await run(['get', 'se', 'first', '-o', 'wide'])).stdout, /DISTRIBUTED +AGE\n.* 1\/1 /);
      assert.match((await run(['get', 'se', 'first', '-o', 'json'])).stdout, /"acknowledged": 1/);

      const { body } = await adminRequest(admin, 'GET', '/config_dump?include_eds');
      const held = (await readConfigDump([body], ['the Envoy'])).shown(nowhere, new Date());
      assert.match(configurationText(held, { part: 'clusters' }), /^first\.example\.com +80 +- +outbound +EDS/m);
      assert.match(
        configurationText(held, { part: 'endpoints' }),
        /^192\.0\.2\.10:80 +HEALTHY .* first\.example\.com:80 +first-0\.default$/m,
      );

      control.child.kill('SIGKILL');
      await once(control.child, 'exit');
      assert.match(await clusters(), /first\.example\.com/);
      await startControl();
      assert.match((await run(['get', 'se'])).stdout, /^first /m);
      const waited = await run(['apply', '-f', '-', '--wait'], external('second'));
      assert.match(waited.stdout, /\/second created\n.*\/second(?: acknowledged by 1 proxy|: no connected)/);
      await until(async () => (await clusters()).includes('second.example.com'));
      assert.match(await clusters(), /first\.example\.com/);
      // A proxy that does not answer keeps an object from being there.
      envoy.kill('SIGSTOP');
      const late = await run(['apply', '-f', '-', '--wait', '--timeout', '300ms'], external('third'));
      assert.equal(late.code, 1);
      assert.match(late.stderr, /\/third acknowledged by 0 of 1 proxy\n {2}edge\.istio-system: sending$/m);
      envoy.kill('SIGCONT');
      assert.equal((await run(['wait', 'se', 'third'])).code, 0);
    } finally {
      envoy.kill('SIGKILL');
      await ended;
    }
  });

  it('waits for nobody where no proxy needs an object, and says what there is not', async () => {
    assert.match((await run(['apply', '-f', '-', '--wait'], external('alone'))).stdout, /\/alone: no connected proxy needs it/);
    const missing = await run(['wait', 'se/alone', 'vs/nobody']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /virtualservice\.networking\.istio\.io\/nobody not found/);
    assert.match((await run(['wait', 'se'])).stderr, /which se\?/);
  });

  it('says who has the folder, and stops when asked', async () => {
    const second = await lateen(['control', '--state', state, '--xds', 'off', '--xds-tls', 'off', '--http', 'off']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^lateen: LAT0111: .* is in use by another process \(stop it/m);
    assert.match((await run(['version'])).stdout, /^mesh: \d/m);
    const ended = once(control.child, 'exit');
    assert.match((await run(['down'])).stdout, /^stopped; /);
    assert.deepEqual(await ended, [0, null]);
    assert.equal((await run(['down'])).stdout, 'nothing runs here\n');
    assert.match((await run(['get', 'se'])).stderr, /no mesh is running/);
  });
});

const envoyArguments = ['--use-dynamic-base-id', '--concurrency', '1', '-l', 'off'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Waits for what is bound to come; the test runner's own limit ends what never does. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}
