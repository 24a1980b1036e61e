// Stock Envoy takes every shape of our bootstrap, and a workload's proxy lives its whole life: late control plane, crash, drain, end.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { effect, signal } from '@preact/signals-core';
import { adminRequest } from '../../src/node/admin.ts';
import { bootstrapJson, type BootstrapSpec } from '../../src/node/bootstrap.ts';
import { SocketClaims } from '../../src/node/claim.ts';
import { EnvoyProcess } from '../../src/node/envoy.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import type { ProxyDescription } from '../../src/node/proxy-node.ts';
import { defaultCapture, proxyMark } from '../../src/node/redirect/capture-options.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';
import { WorkloadProxy, type WorkloadSpec, type WorkloadProxyState } from '../../src/node/workload-proxy.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { fixedCompiler } from '../support/fixed-compiler.ts';

const run = promisify(execFile);
const envoy = await findEnvoy();
const folder = mkdtempSync(join(tmpdir(), 'lt-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const description: ProxyDescription = {
  kind: 'sidecar',
  name: 'reviews-v1-0',
  namespace: 'default',
  serviceAccount: 'bookinfo-reviews',
  labels: { app: 'reviews', version: 'v1' },
  annotations: {},
  addresses: ['10.9.0.1'],
  workloadName: 'reviews-v1',
  owner: 'kubernetes://apis/apps/v1/namespaces/default/deployments/reviews-v1',
  domain: 'cluster.local',
  clusterId: 'Kubernetes',
  meshId: 'cluster.local',
  istioVersion: '1.30.0',
  interceptionMode: 'REDIRECT',
  locality: { region: 'r', zone: 'z', subZone: 's' },
};

const sockets = { agentSocket: join(folder, 'agent.sock'), adminSocket: join(folder, 'admin.sock') };

const shapes: Readonly<Record<string, BootstrapSpec>> = {
  sidecar: { proxy: description, ...sockets },
  'gateway on both families': { proxy: { ...description, kind: 'router', addresses: ['10.9.0.2', 'fd00::2'] }, ...sockets },
  'with access records': { proxy: { ...description, records: true }, ...sockets },
  'IPv6 alone': { proxy: { ...description, addresses: ['fd00::3'] }, ...sockets },
  'with a mark, a limit and more stats': {
    proxy: { ...description, metadata: { DNS_CAPTURE: 'true', PROXY_CONFIG: { concurrency: 2 } } },
    ...sockets,
    mark: 0x539,
    maxConnections: 100,
    statsPrefixes: ['cluster.outbound'],
    statsSuffixes: ['rq_total'],
  },
};

for (const [name, spec] of Object.entries(shapes)) {
  test(`Envoy accepts the bootstrap: ${name}`, async () => {
    const file = join(folder, 'validate.json');
    writeFileSync(file, bootstrapJson(spec));
    const { stderr, stdout } = await run(envoy, ['--mode', 'validate', '--config-path', file]);
    assert.match(stdout + stderr, /OK/);
  });
}

/** In a network namespace of its own, which ends with it; an ordinary user needs a user namespace around it. */
const apart = process.getuid?.() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'];
const isolated = await run(apart[0] ?? '', [...apart.slice(1), 'true']).then(
  () => false as const,
  () =>
    'network namespaces are forbidden here: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)',
);

/** A workload whose control plane answers nobody before `open`. */
function workload(
  name: string,
  open: Promise<void>,
  more: { readonly claimed?: string; readonly process?: WorkloadSpec['process'] } = {},
) {
  const claims = new SocketClaims();
  const ads = adsHandlers({
    compiler: fixedCompiler(),
    authorize: async (node, call) => {
      await open;
      return claims.authorize(more.claimed === undefined ? node : { ...node, id: more.claimed }, call);
    },
  });
  const steps: string[] = [];
  const proxy = new WorkloadProxy(
    {
      ...description,
      kind: 'router',
      capture: { ...defaultCapture, proxy: proxyMark },
      runFolder: join(folder, name),
      logFile: join(folder, `${name}.log`),
      // Long enough that only the end of the last connection can end a drain here.
      process: { concurrency: 1, drainSeconds: 600, ...more.process },
      runInNamespace: async () => assert.fail('a router captures nothing'),
      spawnProxy: (argv) => {
        steps.push('envoy');
        return spawnBehind(apart)(argv);
      },
    },
    {
      envoy,
      identity: {
        id: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'bookinfo-reviews' },
        credential: signal(undefined),
        lastError: signal(undefined),
        start: async () => void steps.push('certificate'),
        [Symbol.asyncDispose]: async () => {
          steps.push('certificate dropped');
        },
      },
      ads: ads.handlers,
      claims,
    },
  );
  return { proxy, steps };
}

/** Resolves when the state is as wanted. */
async function until(proxy: WorkloadProxy, wanted: (state: WorkloadProxyState) => boolean): Promise<WorkloadProxyState> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const stop = effect(() => {
      const state = proxy.state.value;
      if (over.signal.aborted || !wanted(state)) return;
      over.abort();
      resolve(state);
      queueMicrotask(() => stop());
    });
  });
}

test('a proxy waits for a late control plane, survives a crash, drains and leaves nothing', { skip: isolated }, async () => {
  const open = Promise.withResolvers<void>();
  const { proxy, steps } = workload('w', open.promise);
  await proxy.start();
  assert.deepEqual(steps, ['certificate', 'envoy'], 'the certificate comes before Envoy');
  assert.equal(statSync(join(folder, 'w')).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, 'w/agent.sock')).mode & 0o777, 0o600);

  const waiting = await until(proxy, ({ proxy: { reason } }) => reason === 'waits for its configuration');
  assert.equal(waiting.configured, false);
  open.resolve();
  await proxy.ready();
  const ready = await until(proxy, ({ configured }) => configured);
  assert.deepEqual({ phase: ready.proxy.phase, restarts: ready.proxy.restarts }, { phase: 'ready', restarts: 0 });
  assert.ok(ready.proxy.pid);

  const { adminSocket = '' } = proxy;
  const info = await adminRequest(adminSocket, 'GET', '/server_info');
  const { node } = JSON.parse(info.body) as { node: { id: string; metadata: Record<string, unknown> } };
  assert.equal(node.id, proxy.nodeId);
  assert.deepEqual(node.metadata['LABELS'], description.labels);
  await assert.rejects(adminRequest(adminSocket, 'GET', '/server_info', { maxBytes: 10 }), { code: 'LAT0803' });

  await inNamespace(ready.proxy.pid, ['ip', 'link', 'set', 'lo', 'up']);
  const ask = `
    const answers = [];
    for (const url of ['15021/healthz/ready', '15021/quitquitquit', '15090/stats/prometheus', '15090/config_dump', '15000/ready']) {
      answers.push(await fetch('http://127.0.0.1:' + url).then(async (a) => a.status + ' ' + (await a.text()).includes('envoy_server_live'), () => 'refused'));
    }
    console.log(JSON.stringify(answers));`;
  const { stdout } = await inNamespace(ready.proxy.pid, [process.execPath, '--input-type=module', '-e', ask]);
  assert.deepEqual(JSON.parse(stdout), ['200 false', '404 false', '200 true', '404 false', 'refused']);

  process.kill(ready.proxy.pid, 'SIGKILL');
  const down = await until(proxy, ({ proxy: { phase } }) => phase === 'backing-off');
  assert.match(down.proxy.reason, /was ended by SIGKILL; starting again in/);
  const again = await until(proxy, ({ proxy: { phase, restarts } }) => phase === 'ready' && restarts === 1);
  assert.notEqual(again.proxy.pid, ready.proxy.pid);

  const { pid = 0 } = again.proxy;
  await inNamespace(pid, ['ip', 'link', 'set', 'lo', 'up']);
  const holder = await heldConnection(pid);
  const active = async () => (await adminRequest(adminSocket, 'GET', '/stats?filter=_15021.downstream_cx_active')).body.trim();
  while ((await active()).endsWith(' 0')) await new Promise((resolve) => setTimeout(resolve, 20));

  const phases: string[] = [];
  const watch = effect(() => void phases.push(proxy.state.value.proxy.phase));
  const stopped = proxy.stop();
  await until(proxy, ({ proxy: { phase } }) => phase === 'draining');
  assert.match(await active(), / 1$/, 'who is connected stays so');
  holder.kill('SIGKILL');
  await stopped;
  watch();
  assert.deepEqual([...new Set(phases)], ['ready', 'draining', 'stopped']);
  assert.equal(existsSync(join(folder, 'w')), false);
  assert.equal(steps.at(-1), 'certificate dropped');
  assert.ok(statSync(join(folder, 'w.log')).size > 0, 'the log stays');
});

test('a proxy that is ended waits no longer for its connections than it is told', { skip: isolated }, async () => {
  const { proxy } = workload('t', Promise.resolve(), { process: { terminationSeconds: 0.2 } });
  await proxy.start();
  await proxy.ready();
  const { pid = 0 } = proxy.state.value.proxy;
  await inNamespace(pid, ['ip', 'link', 'set', 'lo', 'up']);
  const holder = await heldConnection(pid);
  // Within the 600 s that a drain has here this would not end while somebody is connected.
  await proxy.stop();
  holder.kill('SIGKILL');
  assert.equal(proxy.state.value.proxy.phase, 'stopped');
});

test('a node that claims another’s identity gets nothing', { skip: isolated }, async () => {
  const claimed = 'router~10.9.0.9~ratings-v1-0.default~default.svc.cluster.local';
  const { proxy } = workload('c', Promise.resolve(), { claimed });
  await using _ = proxy;
  await proxy.start();
  await until(proxy, ({ proxy: { reason } }) => reason === 'waits for its configuration');
  const told = `this socket belongs to ${proxy.nodeId}, and the node says that it is ${claimed}`;
  while (!proxy.logLines.some((line) => line.includes(told))) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(proxy.state.value.configured, false);
});

test('an Envoy that cannot start is tried again, and its log says why', async () => {
  const file = join(folder, 'bad.json');
  writeFileSync(file, '{"node": 7}');
  const broken = new EnvoyProcess({
    binary: envoy,
    bootstrapFile: file,
    adminSocket: sockets.adminSocket,
    backOff: { first: 1, longest: 1 },
    spawn: spawnBehind([]),
  });
  await using _ = broken;
  broken.start();
  while (broken.state.value.restarts < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(broken.log.lines.some((line) => /node/.test(line) && /error|critical/.test(line)));
});

test('a program that is not there is a reason, not a crash', async () => {
  const gone = new EnvoyProcess({
    binary: '/nowhere/envoy',
    bootstrapFile: '',
    adminSocket: sockets.adminSocket,
    spawn: spawnBehind([]),
  });
  await using _ = gone;
  gone.start();
  while (gone.state.value.phase !== 'backing-off') await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(gone.state.value.reason, /could not be started: .*ENOENT/);
});

const enter = (pid: number): string[] => {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return ['--target', String(pid), '--net', ...user, '--'];
};

/** A program in a proxy's namespace that has a connection to it, until it is killed. */
async function heldConnection(pid: number) {
  const hold = `import net from 'node:net'; net.connect(15021, '127.0.0.1').on('connect', () => console.log('held')).on('error', () => {}); setInterval(() => {}, 1000);`;
  const holder = spawn('nsenter', [...enter(pid), process.execPath, '--input-type=module', '-e', hold], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  return holder;
}

const inNamespace = (pid: number, argv: readonly string[]) => run('nsenter', [...enter(pid), ...argv]);
