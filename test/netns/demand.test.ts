// Clusters on demand in a whole mesh: two callers that differ in delivery alone make the same calls and must see the same, and the
// one on demand has what it called and nothing else. Mutual TLS is strict, so that no call could go round the mesh.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Load, withoutFailure } from '../support/load.ts';
import { originPod, tellProgram } from '../support/origin-program.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const metadata = (name: string, namespace: string, more: object = {}) => ({ name, namespace, ...more });

const service = (
  name: string,
  namespace: string,
  ports: readonly object[],
  more: { annotations?: object; spec?: object } = {},
) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(name, namespace, more.annotations && { annotations: more.annotations }),
  spec: { selector: { app: 'server' }, ports, ...more.spec },
});

const http = { name: 'http', port: 80, targetPort: 8080 };
const allPorts = [
  http,
  { name: 'grpc', port: 9000, targetPort: 8081 },
  { name: 'tcp', port: 5000, targetPort: 8082 },
  { name: 'declared', port: 7000, targetPort: 8080 },
  { name: 'detected', port: 7001, targetPort: 8081 },
];

const namespace = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'istio-injection': 'enabled' } },
});

const documents = [
  namespace('far'),
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: metadata('default', 'istio-system'),
    spec: { mtls: { mode: 'STRICT' } },
  },
  originPod('demand', 'default', { 'lateen.dev/delivery': 'demand' }),
  originPod('eager', 'default', { 'lateen.dev/delivery': 'eager' }),
  originPod('server', 'default'),
  originPod('server', 'far'),
  service('near', 'default', [...allPorts, { name: 'http-9000', port: 9001, targetPort: 8080 }]),
  service('near-too', 'default', [{ name: 'http', port: 9000, targetPort: 8080 }]),
  service('away', 'far', allPorts),
  service('private', 'far', [http], { annotations: { 'networking.istio.io/exportTo': '.' } }),
  service('headless', 'default', [{ name: 'http', port: 8080 }], { spec: { clusterIP: 'None' } }),
  {
    ...service('alias', 'default', []),
    spec: { type: 'ExternalName', externalName: 'away.far.svc.cluster.local', ports: [http] },
  },
  service('ruled', 'default', [http]),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: metadata('ruled', 'default'),
    spec: {
      hosts: ['ruled'],
      http: [
        { match: [{ uri: { prefix: '/lost' } }], route: [{ destination: { host: 'nowhere' } }] },
        {
          match: [{ uri: { prefix: '/subset' } }],
          route: [{ destination: { host: 'away.far.svc.cluster.local', subset: 'none' } }],
        },
        { headers: { request: { set: { 'x-rule': 'yes' } } }, route: [{ destination: { host: 'away.far.svc.cluster.local' } }] },
      ],
    },
  },
];

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({ text: documents.map((each) => JSON.stringify(each)).join('\n---\n') });
});

after(() => mesh?.[Symbol.asyncDispose]());

const callers = ['demand', 'eager'] as const;

/** Names of the outbound clusters that a caller's Envoy has. */
async function clustersOf(caller: string): Promise<string[]> {
  const names = (await mesh.admin(caller, '/clusters')).split('\n').map((line) => line.split('::')[0] ?? '');
  return [...new Set(names.filter((name) => name.startsWith('outbound|')))].sort();
}

/** What a server says to a line, and what it said before. */
const tell = (caller: string, host: string, port: number): Promise<string> =>
  mesh.exec(caller, [node, '-e', tellProgram(host, port)]);

/** The same call by both callers has the same answer, but for their certificates; it is returned. */
async function same(...args: readonly string[]): Promise<{ readonly status: number; readonly body: string }> {
  const ask = async (caller: string) => {
    const { status, body } = await mesh.curl(caller, ...args);
    return { status, body: body.replace(/Hash=[0-9a-f]+/, 'Hash=…') };
  };
  const [first, second] = [await ask('demand'), await ask('eager')];
  assert.deepEqual(first, second, args.join(' '));
  return first;
}

test('a caller on demand has no cluster of a service before it calls one, and then that one', { skip }, async () => {
  assert.deepEqual(await clustersOf('demand'), []);
  assert.ok((await clustersOf('eager')).length > 10);
  const { status, body } = await same('http://near/');
  assert.equal(status, 200);
  assert.match(body, /"x-forwarded-client-cert":"By=spiffe:\/\/cluster.local\/ns\/default\/sa\/default/);
  assert.deepEqual(await clustersOf('demand'), ['outbound|80||near.default.svc.cluster.local']);
});

test('every way to write a service is one cluster, and the request goes on as it was', { skip }, async () => {
  for (const host of [
    'near',
    'near.default',
    'near.default.svc',
    'near.default.svc.cluster.local',
    'near.default.svc.cluster.local.',
  ]) {
    for (const written of [host, `${host}:80`, host.toUpperCase()]) {
      const { status, body } = await same('-H', `Host: ${written}`, 'http://near/');
      assert.equal(status, 200, written);
      assert.match(body, new RegExp(`"host":"${written.replaceAll('.', '\\.')}"`));
    }
  }
  assert.deepEqual(await clustersOf('demand'), ['outbound|80||near.default.svc.cluster.local']);
});

test(
  'HTTP/1 and HTTP/2 services of one port, in another namespace, by address, and with protocols that are detected',
  { skip },
  async () => {
    const calls: readonly (readonly [string, ...string[]])[] = [
      ['"protocol":"2"', '--http2-prior-knowledge', 'http://near:9000/'],
      ['"protocol":"2"', 'http://near:9000/'],
      ['"protocol":"1"', 'http://near-too:9000/'],
      ['"protocol":"2"', '--http2-prior-knowledge', 'http://away.far:9000/'],
      ['"protocol":"1"', '--http2-prior-knowledge', 'http://away.far/'],
      ['"protocol":"1"', 'http://near:7000/'],
      ['"protocol":"1"', 'http://away.far:7000/'],
      ['"protocol":"2"', '--http2-prior-knowledge', 'http://near:7001/'],
      ['"protocol":"1"', 'http://headless:8080/'],
      ['"protocol":"1"', '-H', 'Host: alias', 'http://away.far/'],
      ['"x-rule":"yes"', 'http://ruled/'],
    ];
    for (const [wanted, ...args] of calls) {
      const { status, body } = await same(...args);
      assert.equal(status, 200, args.join(' '));
      assert.ok(body.includes(wanted), `${args.join(' ')}: ${body}`);
    }
  },
);

test('TCP by the dialled address, also where the server speaks first', { skip }, async () => {
  for (const caller of callers) {
    for (const host of ['near', 'away.far']) {
      assert.match(await tell(caller, host, 5000), /^welcome to server\nheard hello/, `${caller} to ${host}`);
    }
  }
  assert.ok((await clustersOf('demand')).some((name) => name.startsWith('outbound|5000||10.')));
});

test('what is not there fails at once and alike, and what may not be seen is as unknown as ever', { skip }, async () => {
  const calls = [
    [503, 'http://ruled/lost'],
    [503, 'http://ruled/subset'],
    // Nobody's: to where the caller dialled, which takes no plaintext.
    [503, '-H', 'Host: nosuch', 'http://near/'],
    [503, '-H', 'Host: nosuch.far:80', 'http://near/'],
    [503, '-H', 'Host: www.example.com', 'http://near/'],
    [503, 'http://private.far/'],
  ] as const;
  for (const [status, ...args] of calls) {
    const [first, second] = [await mesh.curl('demand', ...args), await mesh.curl('eager', ...args)];
    assert.deepEqual([first.status, second.status], [status, status], `${args.join(' ')}: ${first.body} / ${second.body}`);
  }
  // A cluster without endpoints refuses at once; without a cluster a request would have waited for one.
  const clusters = await clustersOf('demand');
  const wanted = ['outbound|80||nowhere.default.svc.cluster.local', 'outbound|80|none|away.far.svc.cluster.local'];
  assert.deepEqual(
    wanted.filter((name) => !clusters.includes(name)),
    [],
  );
  assert.deepEqual(
    clusters.filter((name) => name.includes('example')),
    [],
  );
});

test('what was not there is healed when it appears, and gone when it goes', { skip }, async () => {
  const late = JSON.stringify(service('nosuch', 'far', [http, { name: 'tcp', port: 5000, targetPort: 8082 }]), undefined, 1);
  const call = ['-H', 'Host: nosuch.far:80', 'http://near/'];
  await mesh.apply(late);
  const answered = (status: number) => async () => (await mesh.curl('demand', ...call)).status === status;
  await until(answered(200), () => 'the service to be known under a name that was asked before');
  await mesh.delete(late);
  await until(answered(503), () => 'the service to be gone');
  await mesh.apply(late);
  await until(answered(200), () => 'the service to be back: its cluster was never taken away');
});

test('a policy for a service that was called reaches its cluster, and calls go on', { skip }, async () => {
  const policy = (connections: number) =>
    JSON.stringify(
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: metadata('near', 'default'),
        spec: { host: 'near', trafficPolicy: { connectionPool: { tcp: { maxConnections: connections } } } },
      },
      undefined,
      1,
    );
  for (const connections of [77, 78, 79]) {
    await mesh.apply(policy(connections));
    await until(
      async () => {
        const { status } = await mesh.curl('demand', 'http://near/');
        assert.equal(status, 200);
        const clusters = await mesh.admin('demand', '/clusters');
        return clusters.includes(
          `outbound|80||near.default.svc.cluster.local::default_priority::max_connections::${connections}\n`,
        );
      },
      () => `the cluster to have ${connections} connections at most`,
    );
  }
});

test('what nobody has called is nothing to wait for, and says so; what was called has arrived', { skip }, async () => {
  const quiet = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: metadata('quiet', 'far'),
    spec: { host: 'away', exportTo: ['.'], trafficPolicy: { connectionPool: { tcp: { maxConnections: 66 } } } },
  };
  await mesh.apply(JSON.stringify(quiet, undefined, 1));
  const wait = async () => (await mesh.lateen(['wait', 'dr/quiet', '-n', 'far'])).stdout;
  const wide = async () => (await mesh.lateen(['get', 'dr', 'quiet', '-n', 'far', '-o', 'wide'])).stdout;
  assert.match(await wait(), /^destinationrule\S+\/quiet: nothing to wait for: no connected proxy has called what it is about/);
  assert.match(await wide(), / 0\/0 /);
  assert.equal((await mesh.curl('server.far', 'http://away/')).status, 200);
  assert.match(await wait(), /^destinationrule\S+\/quiet acknowledged by 1 proxy\n$/);
  assert.match(await wide(), / 1\/1 /);
  const { stdout } = await mesh.lateen(['proxy', 'server.far', 'clusters']);
  assert.match(stdout, /^away\.far\.svc\.cluster\.local +80 +- +outbound +EDS/m);
  assert.match(stdout, /\n\nOn demand: clusters that are not here come when they are called\. Not called yet: .*\n$/);
  const all = await mesh.lateen(['proxy', 'demand', 'routes']);
  assert.match(all.stdout, /^\* +\/\* host of a service +that service, on demand/m);
  assert.match((await mesh.lateen(['status'])).stdout, /^demand +default +ready .* arrived$/m);
});

/** Of ports of declared protocols, and of one whose protocol is detected: that has listeners of other addresses in either delivery. */
const urls = ['http://near/', 'http://near:9000/', 'http://near:9001/', 'http://near:7000/'];

/** Applies and deletes something, three times, while calls to services that it leaves alone go on, none of which fails. */
async function comesAndGoes(document: object, there: () => Promise<boolean>, urls: readonly string[]): Promise<void> {
  const text = JSON.stringify(document, undefined, 1);
  assert.equal(await there(), false);
  const loads = urls.map((url) => new Load(mesh, url, { from: 'demand' }));
  for (let round = 0; round < 3; round += 1) {
    await mesh.apply(text);
    await until(there, () => `what comes with it in round ${round}`);
    await mesh.delete(text);
    await until(
      async () => !(await there()),
      () => `what came with it to go in round ${round}`,
    );
  }
  for (const load of loads) await withoutFailure(load, async () => {});
  assert.equal((await mesh.curl('demand', 'http://away.far/')).status, 200);
  assert.match(await tell('demand', 'near', 5000), /^welcome to server\nheard hello/);
}

test('a patch for which everything must be there comes and goes, and what was called goes on', { skip }, () =>
  comesAndGoes(
    {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: metadata('marked', 'default'),
      spec: {
        workloadSelector: { labels: { app: 'demand' } },
        configPatches: [
          {
            applyTo: 'VIRTUAL_HOST',
            match: { context: 'SIDECAR_OUTBOUND' },
            patch: { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x-marked', value: 'yes' } }] } },
          },
        ],
      },
    },
    async () => (await clustersOf('demand')).includes('outbound|80||ruled.default.svc.cluster.local'),
    urls,
  ),
);

test('a Sidecar that hides a service comes and goes, and calls of others go on', { skip }, async () => {
  const hidden = async () => (await mesh.curl('demand', 'http://away.far/')).status !== 200;
  const before = await clustersOf('demand');
  await comesAndGoes(
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: metadata('scope', 'default'),
      spec: { workloadSelector: { labels: { app: 'demand' } }, egress: [{ hosts: ['./*'] }] },
    },
    hidden,
    urls,
  );
  await until(
    async () => (await clustersOf('demand')).every((name) => before.includes(name) || name.startsWith('outbound|80||away.far')),
    () => 'clusters that it named and nobody called to go',
  );
});
