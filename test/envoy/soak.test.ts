// Everything changes in random order under load of every kind, and the control plane is killed: no request fails. Short here; long
// with LATEEN_SOAK_SECONDS. The seed is printed; LATEEN_SOAK_SEED repeats an order.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeLeaf, writeRoot } from '../../src/ca/x509.ts';
import { connect } from '../../src/cli/client.ts';
import type { ApplyAnswer, DistributionAnswer } from '../../src/control/api/contract.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { lateenInBackground, type Background } from '../support/cli.ts';
import { gatewayBootstrap } from '../support/soak/bootstrap.ts';
import { failuresOf, sentBy, Traffic, type LanePlan } from '../support/soak/lanes.ts';
import { Random } from '../support/soak/random.ts';
import { startInstance, type Instance, type Protocol as AnyProtocol } from '../support/soak/servers.ts';
import { until } from '../support/until.ts';
import { freePort } from '../support/xds/real-envoy.ts';

const seconds = Number(process.env['LATEEN_SOAK_SECONDS'] ?? 15);
const seed = Number(process.env['LATEEN_SOAK_SEED'] ?? Date.now() % 1_000_000);

const namespace = 'istio-system';
const networking = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace },
  spec,
});

type Protocol = Exclude<AnyProtocol, 'banner'>;

const protocols: Readonly<Record<Protocol, { readonly port: number; readonly protocol: string }>> = {
  http: { port: 80, protocol: 'HTTP' },
  h2: { port: 80, protocol: 'HTTP2' },
  tcp: { port: 9000, protocol: 'TCP' },
};

test(`whatever changes in whatever order, no request fails (seed ${seed})`, { timeout: (seconds + 90) * 1000 }, async (t) => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'lateen-soak-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  const xds = await freePort();
  const ports = { http: await freePort(), https: await freePort(), tcp: await freePort() };
  const random = new Random(seed);
  const to = (kind: LanePlan['kind'], port: number, authority = 'http.example'): LanePlan => ({
    kind,
    host: '127.0.0.1',
    port,
    authority,
  });
  const plans = {
    http: to('http', ports.http),
    https: to('https', ports.https),
    h2: to('h2', ports.http, 'h2.example'),
    grpc: to('grpc', ports.http, 'h2.example'),
    talk: to('talk', ports.http, 'h2.example'),
    tcp: to('tcp', ports.tcp),
    echo: to('echo', ports.tcp),
    websocket: to('websocket', ports.http),
  };

  // The control plane, killed and started again.
  let control: Background | undefined;
  const startControl = async () => {
    control = lateenInBackground(['control', '--state', state, '--xds', `127.0.0.1:${xds}`, '--xds-tls', 'off', '--http', 'off']);
    await control.said(/the control plane is ready/);
  };
  await startControl();
  stack.defer(async () => control?.[Symbol.asyncDispose]());

  const client = connect({ state });
  const done: string[] = [];
  const doing = (what: string) => void done.push(`${new Date().toISOString()} ${what}`);
  const named = (objects: readonly object[]) => ({
    files: [{ source: 'soak', text: objects.map((each) => JSON.stringify(each)).join('\n---\n') }],
  });
  const apply = async (what: string, ...objects: object[]) => {
    doing(what);
    const { results, diagnostics } = await client.post<ApplyAnswer>('/v1/apply', { ...named(objects), dryRun: false });
    assert.ok(
      results.every(({ outcome }) => outcome !== 'refused'),
      JSON.stringify(diagnostics),
    );
  };
  const remove = async (what: string, kind: string, name: string) => {
    doing(what);
    await client.post('/v1/delete', { kind, names: [name], namespace });
  };
  /** Until the proxy has them: what a person does with `lateen wait`. */
  const arrived = async (...objects: object[]) => {
    let answer: DistributionAnswer | undefined;
    await until(
      async () => {
        answer = await client.post<DistributionAnswer>('/v1/distribution', named(objects));
        return answer.objects.every(({ proxies, acknowledged }) => proxies === 1 && acknowledged === 1);
      },
      () => `the arrival of ${JSON.stringify(objects)}; now ${JSON.stringify(answer)}, after\n${done.slice(-30).join('\n')}`,
    );
  };

  // One service of each protocol, its rules, and the subsets that it has at the moment.
  const instances: Record<Protocol, Instance[]> = { http: [], h2: [], tcp: [] };
  const subsetOf: Record<Protocol, string> = { http: '', h2: '', tcp: '' };
  const rulesOf: Record<Protocol, boolean> = { http: false, h2: false, tcp: false };
  const entry = (of: Protocol, host = `${of}.soak`) =>
    networking('ServiceEntry', host.replaceAll('.', '-'), {
      hosts: [host],
      resolution: 'STATIC',
      ports: [{ number: protocols[of].port, name: 'main', protocol: protocols[of].protocol }],
      endpoints: instances[of].map(({ port, version }) => ({ address: '127.0.0.1', ports: { main: port }, labels: { version } })),
    });
  const route = (of: Protocol, subset: string, host = `${of}.soak`) => {
    const to = [{ destination: { host, port: { number: protocols[of].port }, ...(subset !== '' && { subset }) } }];
    const rules = of === 'tcp' ? { tcp: [{ match: [{ port: ports.tcp }], route: to }] } : { http: [{ route: to }] };
    return networking('VirtualService', of, { hosts: of === 'tcp' ? ['*'] : [`${of}.example`], gateways: ['edge'], ...rules });
  };
  const subsets = (of: Protocol, ...names: string[]) =>
    networking('DestinationRule', of, {
      host: `${of}.soak`,
      trafficPolicy: { connectionPool: { tcp: { connectTimeout: `${1 + Math.floor(random.next() * 9)}s` } } },
      subsets: names.map((name) => ({ name, labels: { version: name.startsWith('a') ? 'v1' : 'v2' } })),
    });

  const { privateKey: rootKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2099-01-01') };
  const root = {
    key: rootKey,
    certificate: new X509Certificate(await writeRoot(rootKey, { organization: 'soak', ...validity })),
  };
  const secret = async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cert = await writeLeaf(root, { publicKey, dnsNames: ['http.example'], ...validity });
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'edge', namespace },
      stringData: { 'tls.crt': cert, 'tls.key': key },
    };
  };
  const gateway = networking('Gateway', 'edge', {
    selector: { istio: 'ingressgateway' },
    servers: [
      { port: { number: ports.http, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
      {
        port: { number: ports.https, name: 'https', protocol: 'HTTPS' },
        hosts: ['*'],
        tls: { mode: 'SIMPLE', credentialName: 'edge' },
      },
      { port: { number: ports.tcp, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
    ],
  });

  const all = Object.keys(protocols) as Protocol[];
  for (const of of all) for (const version of ['v1', 'v2']) instances[of].push(await startInstance(of, version));
  await apply('all', gateway, await secret(), ...all.map((of) => entry(of)), ...all.map((of) => route(of, '')));

  const admin = join(folder, 'admin.sock');
  const envoy = spawn(
    await findEnvoy(),
    ['--use-dynamic-base-id', '--concurrency', '1', '-l', 'off', '--config-yaml', JSON.stringify(gatewayBootstrap(xds, admin))],
    { stdio: 'ignore' },
  );
  const ended = once(envoy, 'exit');
  stack.defer(async () => {
    envoy.kill('SIGKILL');
    await ended;
  });

  let failing: string[] = [];
  const answers = async () => {
    const probe = new Traffic(plans);
    await sleep(200);
    failing = failuresOf(await probe.stop());
    return failing.length === 0;
  };
  await until(answers, () => `every kind of traffic; still ${failing.join('\n')}`);

  let number = 0;
  /** What a person may do to a mesh, each in an order that pleases it. */
  const changes: Readonly<Record<string, () => Promise<void>>> = {
    /** To another subset: route first or subset first, the old subset gone at once or later. */
    async move() {
      const of = random.pick(all);
      const next = `${random.pick(['a', 'b'])}${number++}`;
      const keep = subsetOf[of] !== '' && random.chance(0.5) ? [subsetOf[of]] : [];
      const steps = [
        () => apply(`${of}: route to ${next}`, route(of, next)),
        () => apply(`${of}: subsets ${[next, ...keep].join()}`, subsets(of, next, ...keep)),
      ];
      // Without an earlier form that leads somewhere a route waits for nothing.
      if (random.chance(0.5)) steps.reverse();
      for (const step of steps) {
        await step();
        await sleep(random.next() * 200);
      }
      subsetOf[of] = next;
      rulesOf[of] = true;
    },
    /** All subsets go, before or after the route lets go of the one it uses. */
    async bare() {
      const of = random.pick(all.filter((each) => rulesOf[each]));
      if (of === undefined) return;
      const steps = [() => apply(`${of}: route to all`, route(of, '')), () => remove(`${of}: no subsets`, 'destinationrule', of)];
      if (random.chance(0.5)) steps.reverse();
      for (const step of steps) {
        await step();
        await sleep(random.next() * 200);
      }
      subsetOf[of] = '';
      rulesOf[of] = false;
    },
    /** To another service that comes after its route, and back, gone before its route. */
    async elsewhere() {
      const of = random.pick(all);
      const host = `other${number++}.soak`;
      const steps = [
        () => apply(`${of}: route to ${host}`, route(of, '', host)),
        () => apply(`${of}: service ${host}`, entry(of, host)),
      ];
      if (random.chance(0.5)) steps.reverse();
      for (const step of steps) await step();
      await sleep(random.next() * 300);
      const back = [
        () => apply(`${of}: route back`, route(of, subsetOf[of])),
        () => remove(`${of}: no service ${host}`, 'serviceentry', host.replaceAll('.', '-')),
      ];
      if (random.chance(0.5)) back.reverse();
      for (const step of back) {
        await step();
        await sleep(random.next() * 200);
      }
    },
    /** One instance more, and an old one gone once nobody is sent there. */
    async replace() {
      const of = random.pick(all);
      const [old] = instances[of];
      if (old === undefined) return;
      instances[of].push(await startInstance(of, old.version));
      await apply(`${of}: one more ${old.version}`, entry(of));
      await arrived(entry(of));
      instances[of].shift();
      await apply(`${of}: one less ${old.version}`, entry(of));
      await arrived(entry(of));
      // Envoy's workers hear of it a moment after its main thread has answered.
      await sleep(100);
      old.retire();
    },
    async policy() {
      const of = random.pick(all);
      rulesOf[of] = true;
      await apply(`${of}: policy`, subsets(of, ...(subsetOf[of] === '' ? [] : [subsetOf[of]])));
    },
    async certificate() {
      await apply('a new certificate', await secret());
    },
    async restart() {
      if (control === undefined) return;
      doing('control killed');
      control.child.kill('SIGKILL');
      await once(control.child, 'exit');
      await sleep(random.next() * 500);
      await startControl();
    },
  };

  const traffic = new Traffic(plans);
  const names = Object.keys(changes);
  const endsAt = performance.now() + seconds * 1000;
  let lanes: Traffic['lanes'];
  try {
    // Each once at least, then at random.
    const first = random.shuffled(names);
    while (performance.now() < endsAt || first.length > 0) {
      const name = first.pop() ?? (random.chance(0.05) ? 'restart' : random.pick(names.filter((each) => each !== 'restart')));
      await changes[name]?.();
      await sleep(random.next() * 200);
    }
  } finally {
    lanes = await traffic.stop();
  }
  t.diagnostic(`seed ${seed}: ${done.length} changes under ${sentBy(lanes)}`);
  assert.deepEqual(failuresOf(lanes), [], `seed ${seed}; the last changes:\n${done.join('\n')}`);
  for (const [name, { sent }] of Object.entries(lanes)) assert.ok(sent > 20, `only ${sent} requests of ${name}`);
});
