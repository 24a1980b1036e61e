// A proxy on demand while services come and go, and while its control plane does: what was called goes on, what is called too early is
// healed, and what changed meanwhile counts as soon as it is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCapturedEnvoy, type CapturedEnvoy } from '../support/captured-envoy.ts';
import { node, whyNoMesh } from '../support/mesh.ts';
import { tellProgram } from '../support/origin-program.ts';
import { until } from '../support/until.ts';
import { calledPath } from '../../src/xds/ads.ts';

const skip = whyNoMesh();

const addresses = { one: '10.96.0.1', two: '10.96.0.2', three: '10.96.0.3' } as const;
type Name = keyof typeof addresses;
const names = Object.keys(addresses) as Name[];

const ports = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'grpc', port: 9000, targetPort: 8081 },
  { name: 'tcp', port: 5000, targetPort: 8082 },
];

const serviceOf = (name: Name): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: addresses[name], selector: { app: name }, ports },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: ports.map((port) => ({ name: port.name, port: port.targetPort, protocol: 'TCP' })),
    endpoints: [{ addresses: [`10.64.0.${names.indexOf(name) + 1}`], conditions: { ready: true } }],
  },
];

const httpCluster = (name: Name) => `outbound|80||${name}.default.svc.cluster.local`;

const policy = (name: Name, maxConnections: number) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, namespace: 'default' },
  spec: { host: name, trafficPolicy: { connectionPool: { tcp: { maxConnections } } } },
});

/** The status of each protocol's call to a service: what TCP heard counts as 200. */
async function callsOf(envoy: CapturedEnvoy, name: Name): Promise<readonly number[]> {
  const [http, grpc, tcp] = await Promise.all([
    envoy.curl('-H', `Host: ${name}`, `http://${addresses[name]}/`),
    envoy.curl('--http2-prior-knowledge', '-H', `Host: ${name}`, `http://${addresses[name]}:9000/`),
    envoy.run([node, '-e', tellProgram(addresses[name], 5000)]),
  ]);
  return [http.status, grpc.status, tcp.startsWith('welcome to origin\nheard hello') ? 200 : 0];
}

const good = [200, 200, 200];

test(
  'a service that is not there is answered at once over every protocol, and healed when it comes, each time',
  { skip },
  async () => {
    await using envoy = await startCapturedEnvoy(serviceOf('one'));
    const ended = async () => {
      assert.deepEqual(await callsOf(envoy, 'two'), [503, 503, 0]);
      // Passed on to where nothing is, which Envoy says; of a cluster that it waited for in vain it would say nothing.
      assert.match((await envoy.curl('-H', 'Host: two', 'http://10.96.0.2/')).body, /^upstream connect error/);
    };
    const becomes = (calls: readonly number[], what: string) =>
      until(
        async () => (await callsOf(envoy, 'two')).join() === calls.join(),
        () => what,
      );
    await ended();
    for (let round = 0; round < 3; round += 1) {
      envoy.put(...serviceOf('two'));
      await becomes(good, `the service to be there, round ${round}`);
      envoy.drop(...serviceOf('two'));
      await becomes([503, 503, 0], `the service to be gone, round ${round}`);
      await ended();
    }
    assert.deepEqual(await callsOf(envoy, 'one'), good);
    const waits = await envoy.admin('/stats?filter=on_demand_cluster_(attempt|timeout|missing)');
    assert.match(waits, /^tcp\.outbound\|5000\|\|dialled\.on_demand_cluster_attempt: 2$/m);
    assert.doesNotMatch(waits, /(?:timeout|missing): [1-9]/);
  },
);

test(
  'what was called goes on without a control plane, and what is called meanwhile is there when it is back',
  { skip },
  async () => {
    await using envoy = await startCapturedEnvoy(names.flatMap(serviceOf));
    assert.deepEqual(await callsOf(envoy, 'one'), good);
    await envoy.leave();
    assert.deepEqual(await callsOf(envoy, 'one'), good);
    assert.deepEqual(await callsOf(envoy, 'two'), [503, 503, 0]);
    await envoy.comeBack();
    await until(
      async () => (await callsOf(envoy, 'two')).join() === good.join(),
      () => 'a service that was first called without a control plane',
    );
    assert.deepEqual(await callsOf(envoy, 'one'), good);
    assert.deepEqual(await callsOf(envoy, 'three'), good);
  },
);

test('a cluster that changed meanwhile does not wait for endpoints, whichever stream comes back first', { skip }, async () => {
  await using envoy = await startCapturedEnvoy(serviceOf('one'));
  assert.deepEqual(await callsOf(envoy, 'one'), good);
  const most = async () =>
    /^outbound\|80\|\|one.*::default_priority::max_connections::(\d+)$/m.exec(await envoy.admin('/clusters'))?.[1];
  for (const [late, limit] of [
    ['ads', '77'],
    ['called', '78'],
  ] as const) {
    await envoy.leave();
    envoy.put(policy('one', Number(limit)));
    const gate = Promise.withResolvers<void>();
    await envoy.comeBack({
      authorize: async (_node, { path }) => {
        if ((path === calledPath) === (late === 'called')) await gate.promise;
        return {};
      },
    });
    // The other stream has what it asks for before the late one may begin.
    await until(
      () => {
        const [proxy] = envoy.ads.distribution.list();
        return proxy?.settled && proxy.types.length > 0;
      },
      () => `the stream before ${late}`,
    );
    gate.resolve();
    await until(
      async () => (await most()) === limit,
      () => `the policy after ${late} came back`,
    );
    assert.deepEqual(await callsOf(envoy, 'one'), good);
    // Where endpoints do not follow, the change counts only when Envoy gives up waiting for them.
    const waits = await envoy.admin(`/stats?filter=init_fetch_timeout`);
    assert.match(waits, new RegExp(`^cluster\\.${httpCluster('one').replaceAll('|', '\\|')};?\\.init_fetch_timeout: 0$`, 'm'));
  }
});

test('a service that went meanwhile is answered at once, and when it is back it is called again', { skip }, async () => {
  await using envoy = await startCapturedEnvoy(names.flatMap(serviceOf));
  assert.deepEqual(await callsOf(envoy, 'one'), good);
  await envoy.leave();
  envoy.drop(...serviceOf('one'));
  await envoy.comeBack();
  await until(
    async () => (await callsOf(envoy, 'one')).join() === '503,503,0',
    () => 'the service to be gone',
  );
  await envoy.leave();
  envoy.put(...serviceOf('one'));
  await envoy.comeBack();
  await until(
    async () => (await callsOf(envoy, 'one')).join() === good.join(),
    () => 'the service to be back',
  );
});

test(
  'workers that call one service for the first time at once all wait for its one cluster, and go on with it',
  { skip },
  async () => {
    await using envoy = await startCapturedEnvoy(names.flatMap(serviceOf), { workers: 4 });
    // Each on a connection of its own, so that every worker has some of them.
    const burst = async (name: Name): Promise<readonly string[]> => {
      const program = `
      const { request } = require('node:http');
      const ask = () => new Promise((resolve) => request({ host: '${addresses[name]}', agent: false, headers: { host: '${name}' } },
        (response) => response.resume().on('end', () => resolve(response.statusCode))).on('error', (e) => resolve(e.code)).end());
      Promise.all(Array.from({ length: 60 }, ask)).then((all) => console.log(all.join()));`;
      const lines = Array.from({ length: 20 }, () => envoy.run([node, '-e', tellProgram(addresses[name], 5000)]));
      const [statuses, ...heard] = await Promise.all([envoy.run([node, '-e', program]), ...lines]);
      return [
        ...statuses.trim().split(','),
        ...heard.map((text) => (text.startsWith('welcome to origin\nheard hello') ? '200' : text)),
      ];
    };
    for (const name of names) {
      const answers = await burst(name);
      assert.deepEqual([answers.length, new Set(answers)], [80, new Set(['200'])], name);
    }
    const attempts = async () => envoy.admin('/stats?filter=on_demand_cluster_attempt|odcds.update_(attempt|success)');
    const before = await attempts();
    assert.match(await envoy.admin('/server_info'), /"concurrency": 4\b/);
    // What was idle for longer than anything is kept is there still, and is not asked for again.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    for (const name of names) assert.deepEqual(new Set(await burst(name)), new Set(['200']), name);
    assert.equal(await attempts(), before);
    const clusters = (await envoy.admin('/clusters?format=json')).match(
      /"name": "outbound\|80\|\|one\.default\.svc\.cluster\.local"/g,
    );
    assert.equal(clusters?.length, 1);
  },
);
