import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { typeUrl } from '../../src/compile/resource.ts';
import { connectGrpc } from '../../src/lib/grpc/client.ts';
import { statusCode } from '../../src/lib/grpc/status.ts';
import { deltaPath } from '../../src/xds/ads.ts';
import { connect, type Client } from '../../src/cli/client.ts';
import type {
  ApplyAnswer,
  DeleteAnswer,
  Document,
  ObjectEvent,
  ObjectsAnswer,
  StatusAnswer,
} from '../../src/control/api/contract.ts';
import { ControlPlane, type ControlOptions } from '../../src/control/control-plane.ts';
import { createLog } from '../../src/control/log.ts';
import type { Platform } from '../../src/control/platform.ts';
import { stateFolder } from '../../src/control/state-folder.ts';
import { fixedCompiler } from '../support/fixed-compiler.ts';

const virtualService = (name: string, host = name): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: [${host}]
  http:
  - route: [{destination: {host: ${host}}}]
`;

const nameOf = (document: Document | undefined): string =>
  (document?.['metadata'] as { readonly name: string } | undefined)?.name ?? 'nothing';

describe('ControlPlane', () => {
  let folder: string;
  let control: ControlPlane;
  let client: Client;

  const options = (more: Partial<ControlOptions> = {}): ControlOptions => ({
    state: stateFolder(join(folder, 'state'), {}),
    files: [],
    // What is tested here is everything around it.
    compiler: () => fixedCompiler(),
    listen: {
      http: { host: '127.0.0.1', port: 0 },
      plaintext: { host: '127.0.0.1', port: 0 },
      tls: { host: '127.0.0.1', port: 0 },
    },
    log: createLog({ level: 'silent', pretty: false }),
    ...more,
  });
  const start = async (more: Partial<ControlOptions> = {}): Promise<void> => {
    control = new ControlPlane(options(more));
    await control.start();
    client = connect({ state: join(folder, 'state') });
  };
  const apply = (text: string, more: object = {}): Promise<ApplyAnswer> =>
    client.post('/v1/apply', { files: [{ source: 'given.yaml', text }], dryRun: false, ...more });
  const page = async (path: string): Promise<Response> => fetch(`${control.addresses['metrics and debug']}${path}`);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-control-'));
  });
  afterEach(async () => {
    await control[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('applies what is right, refuses what is not, and keeps it over a restart', async () => {
    await start();
    const text = `${virtualService('reviews')}---\n${virtualService('ratings')}---\n${virtualService('bad').replace('hosts: [bad]', 'hosts: 5')}`;
    const first = await apply(text);
    assert.deepEqual(
      first.results.map(({ name, outcome }) => `${name} ${outcome}`),
      [
        'virtualservice.networking.istio.io/reviews created',
        'virtualservice.networking.istio.io/ratings created',
        'virtualservice.networking.istio.io/bad refused',
      ],
    );
    assert.match(first.diagnostics[0]?.text ?? '', /^given\.yaml:\d+:\d+: error /);
    assert.deepEqual(
      (await apply(virtualService('reviews', 'other'))).results.map(({ outcome }) => outcome),
      ['configured'],
    );
    await control[Symbol.asyncDispose]();
    await start();
    assert.deepEqual(
      (await apply(virtualService('reviews', 'other'))).results.map(({ outcome }) => outcome),
      ['unchanged'],
    );
    assert.equal(control.store.kind('networking.istio.io', 'VirtualService').all().length, 2);
  });

  it('changes nothing in a dry run, and puts objects into the namespace that was asked for', async () => {
    await start();
    await apply(virtualService('reviews'), { dryRun: true });
    assert.equal(control.store.kind('networking.istio.io', 'VirtualService').all().length, 0);
    await apply(virtualService('reviews'), { namespace: 'shop' });
    assert.equal(control.store.kind('networking.istio.io', 'VirtualService').all()[0]?.metadata.namespace, 'shop');
  });

  it('gets, by short names and labels, and says which names are missing', async () => {
    await start();
    await apply(virtualService('reviews').replace('{name: reviews}', '{name: reviews, labels: {app: reviews}}'));
    await apply(virtualService('ratings'));
    const all = await client.get<ObjectsAnswer>('/v1/objects', { kinds: 'vs,dr' });
    assert.deepEqual(
      all.kinds.map(({ kind, items }) => `${kind} ${items.length}`),
      ['VirtualService 2', 'DestinationRule 0'],
    );
    const labelled = await client.get<ObjectsAnswer>('/v1/objects', {
      kinds: 'vs',
      selector: 'app=reviews',
      name: 'reviews,none',
    });
    assert.equal(labelled.kinds[0]?.items.length, 1);
    assert.deepEqual(labelled.missing, ['virtualservice.networking.istio.io/none not found']);
    await assert.rejects(client.get('/v1/objects', { kinds: 'virtualservce' }), { help: 'did you mean virtualservice?' });
    await assert.rejects(client.get('/v1/objects', { kinds: 'vs', selector: 'a=(' }), /is not a label selector/);
  });

  it('tells a watcher every change', async () => {
    await start();
    await apply(virtualService('reviews'));
    const ended = new AbortController();
    const heard: string[] = [];
    for await (const { type, table } of client.lines<ObjectEvent>('/v1/objects', { kinds: 'vs', watch: true }, ended.signal)) {
      heard.push(`${type} ${nameOf(table.items[0]?.document)}`);
      if (heard.length === 1) await apply(virtualService('reviews', 'other'));
      if (heard.length === 2) await client.post('/v1/delete', { kind: 'vs', names: ['reviews'] });
      if (heard.length === 3) ended.abort();
    }
    assert.deepEqual(heard, ['ADDED reviews', 'MODIFIED reviews', 'DELETED reviews']);
  });

  it('deletes what was applied, and says where the rest comes from', async () => {
    const file = join(folder, 'mesh.yaml');
    writeFileSync(file, virtualService('filed'));
    await start({ files: [file] });
    await apply(virtualService('applied'));
    const answer = await client.post<DeleteAnswer>('/v1/delete', { kind: 'vs', names: ['applied', 'filed', 'nobody'] });
    assert.deepEqual(answer.deleted, ['virtualservice.networking.istio.io/applied']);
    assert.deepEqual(answer.errors, [
      `virtualservice.networking.istio.io/filed comes from ${file}:1: take it out of that file`,
      'virtualservice.networking.istio.io/nobody not found',
    ]);
  });

  it('reads logs, proxies and commands through the platform, and finds workloads by their names', async () => {
    await start();
    await assert.rejects(client.post('/v1/exec', { workload: 'x', command: ['ls'] }), /runs no workloads/);
    const platform: Platform = {
      proxies: () => [],
      async *logs(pod, { tail, previous }) {
        yield `${pod.name} ${tail} ${previous}\n`;
      },
      exec: async (pod, _container, command) => ({ argv: ['enter', pod.name, ...command], env: { A: 'b' } }),
      proxyAdmin: async (pod, method, path) => ({ status: 200, body: `${method} ${pod.name} ${path}` }),
    };
    control.attach(platform);
    await apply(
      `{apiVersion: v1, kind: Pod, metadata: {name: web-1, labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}`,
    );
    assert.deepEqual(await client.post('/v1/exec', { workload: 'web-1', command: ['ls'] }), {
      argv: ['enter', 'web-1', 'ls'],
      env: { A: 'b' },
    });
    let text = '';
    for await (const piece of client.text(
      '/v1/logs',
      { workload: 'web-1', tail: 3, previous: true },
      AbortSignal.timeout(10_000),
    ))
      text += piece;
    assert.equal(text, 'web-1 3 true\n');
    await assert.rejects(client.post('/v1/exec', { workload: 'wbe-1', command: ['ls'] }), { help: 'did you mean web-1?' });
    await assert.rejects(client.get('/v1/proxy', { workload: 'web-1', path: '/quitquitquit' }), /is not read through this API/);
    await assert.rejects(client.post('/v1/proxy', { workload: 'web-1', path: '/quitquitquit' }), /is not changed/);
    assert.equal(
      (await client.get<{ body: string }>('/v1/proxy', { workload: 'web-1', path: '/config_dump?include_eds' })).body,
      'GET web-1 /config_dump?include_eds',
    );
    const status = await client.get<StatusAnswer>('/v1/status');
    assert.deepEqual(
      status.workloads.map(({ name, proxy }) => `${name} ${proxy}`),
      ['web-1 '],
    );
  });

  it('shows metrics, health and objects, and no secret', async () => {
    await start();
    await apply('{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hunter2}}');
    assert.equal((await page('/ready')).status, 200);
    assert.match(await (await page('/metrics')).text(), /^lateen_objects\{kind="Secret"\} 1$/m);
    const objects = await (await page('/debug/objects')).text();
    assert.match(objects, /Secret\/default\/s/);
    assert.doesNotMatch(objects, /hunter2/);
    for (const path of [
      '/',
      '/healthz',
      '/debug/proxies',
      '/debug/syncz',
      '/debug/adsz',
      '/debug/configz',
      '/debug/memory',
      '/debug/diagnostics',
    ]) {
      assert.equal((await page(path)).status, 200, path);
    }
    assert.equal((await page('/debug/edsz?proxyID=nobody')).status, 404);
  });

  it('keeps the API socket to its user, and bad requests cost nothing', async () => {
    await start();
    const { apiSocket } = stateFolder(join(folder, 'state'), {});
    assert.equal(statSync(apiSocket).mode & 0o777, 0o600);
    const status = await new Promise((resolve, reject) => {
      const sent = request({ socketPath: apiSocket, method: 'POST', path: '/v1/apply' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on('error', reject);
      sent.end('{not json');
    });
    assert.equal(status, 400);
    await assert.rejects(client.post('/v1/apply', {}), /has no files/);
    const garbage = connectSocket(apiSocket);
    await new Promise<void>((resolve) => {
      garbage.on('close', () => resolve());
      garbage.on('error', () => {});
      garbage.write('\u0000\u0001garbage\r\n\r\n');
      garbage.resume();
    });
    assert.equal((await client.get<StatusAnswer>('/v1/status')).workloads.length, 0);
  });

  it('serves xDS over TLS to whom a token or certificate names, and to nobody else', async () => {
    await start();
    const port = Number(control.addresses['xDS']?.split(':').at(-1));
    const tls = { ca: control.authority.bundle.pem, serverName: 'istiod.istio-system.svc' };
    const ask = async (namespace: string, authorization?: string): Promise<number | 'answer'> => {
      await using connection = await connectGrpc({ host: '127.0.0.1', port }, { tls });
      const node = { id: `sidecar~10.0.0.1~web.${namespace}~${namespace}.svc.cluster.local`, metadata: { NAMESPACE: namespace } };
      const first = create(DeltaDiscoveryRequestSchema, { node, typeUrl: typeUrl.cluster });
      return await new Promise((resolve) => {
        const call = connection.stream(deltaPath, authorization === undefined ? {} : { authorization }, {
          message: () => resolve('answer'),
          close: ({ code }) => resolve(code),
        });
        call.send([toBinary(DeltaDiscoveryRequestSchema, first)]);
      });
    };
    const token = await control.tokens.issue({ namespace: 'shop', serviceAccount: 'web' });
    assert.equal(await ask('shop', `Bearer ${token.reveal()}`), 'answer');
    assert.equal(await ask('other', `Bearer ${token.reveal()}`), statusCode.permissionDenied);
    assert.equal(await ask('shop', 'Bearer nonsense'), statusCode.unauthenticated);
    assert.equal(await ask('shop'), statusCode.unauthenticated);
  });

  it('survives garbage on the xDS ports', async () => {
    await start();
    for (const what of ['plaintext xDS', 'xDS']) {
      const port = Number(control.addresses[what]?.split(':').at(-1));
      await new Promise<void>((resolve) => {
        const socket = connectSocket(port, '127.0.0.1');
        socket.on('close', () => resolve());
        socket.on('error', () => {});
        socket.end(Buffer.alloc(4096, 0xff));
        socket.resume();
      });
    }
    assert.equal((await client.get<StatusAnswer>('/v1/status')).workloads.length, 0);
  });

  it('says who has its folder or its port', async () => {
    await start();
    const second = new ControlPlane(options());
    await assert.rejects(second.start(), { code: 'LAT0111' });
    const port = Number(control.addresses['plaintext xDS']?.split(':').at(-1));
    const third = new ControlPlane(
      options({ state: stateFolder(join(folder, 'other'), {}), listen: { plaintext: { host: '127.0.0.1', port } } }),
    );
    await assert.rejects(third.start(), { code: 'LAT0902', message: /address is in use/ });
    assert.equal((await page('/ready')).status, 200);
  });
});
