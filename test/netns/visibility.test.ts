// Whom a caller may reach is the same however its clusters are delivered: by exportTo, REGISTRY_ONLY and Sidecar objects, over HTTP,
// gRPC and TCP, for what is there, what is hidden, and what is not there yet.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { originProgram, tellProgram } from '../support/origin-program.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const pod = (name: string, namespace: string, delivery: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace,
    labels: { app: name, caller: name.split('-')[0] },
    annotations: { 'lateen.dev/delivery': delivery },
  },
  spec: {
    containers: [
      {
        name,
        image: 'curlimages/curl',
        command: [node, '-e', originProgram],
        env: [{ name: 'NAME', value: name }],
        ports: [{ containerPort: 8080 }],
      },
    ],
  },
});

const ports = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'grpc', port: 9000, targetPort: 8081 },
  { name: 'tcp', port: 5000, targetPort: 8082 },
];

const service = (name: string, namespace: string, clusterIP: string, exportTo = '*') => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, annotations: { 'networking.istio.io/exportTo': exportTo } },
  spec: { clusterIP, selector: { app: 'server' }, ports },
});

const address = {
  near: '10.96.40.1',
  far: '10.96.40.2',
  hidden: '10.96.40.3',
  unscoped: '10.96.40.4',
  later: '10.96.40.5',
} as const;
type Name = keyof typeof address;

const hosts: Readonly<Record<Name, string>> = {
  near: 'near',
  far: 'far.away',
  hidden: 'hidden.away',
  unscoped: 'unscoped.away',
  later: 'later.away',
};

const namespace = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'istio-injection': 'enabled' } },
});

const documents = [
  namespace('away'),
  pod('plain-demand', 'default', 'demand'),
  pod('plain-eager', 'default', 'eager'),
  pod('scoped-demand', 'default', 'demand'),
  pod('scoped-eager', 'default', 'eager'),
  pod('server', 'default', 'demand'),
  pod('server', 'away', 'demand'),
  service('near', 'default', address.near),
  service('far', 'away', address.far),
  service('hidden', 'away', address.hidden, '.'),
  service('unscoped', 'away', address.unscoped),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'scoped', namespace: 'default' },
    spec: {
      workloadSelector: { labels: { caller: 'scoped' } },
      egress: [
        { hosts: ['./near.default.svc.cluster.local', 'away/far.away.svc.cluster.local', 'away/later.away.svc.cluster.local'] },
      ],
    },
  },
];

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  const text = documents.map((each) => JSON.stringify(each)).join('\n---\n');
  mesh = await startMesh({ text, meshConfig: 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n' });
});

after(() => mesh?.[Symbol.asyncDispose]());

/** What each protocol's call to a service comes to: HTTP's status and body, gRPC's, and whether TCP's server was heard. */
async function outcomes(caller: string, name: Name): Promise<readonly string[]> {
  const [http, grpc, tcp] = await Promise.all([
    mesh.curl(caller, '-H', `Host: ${hosts[name]}`, `http://${address[name]}/`),
    mesh.curl(
      caller,
      '--http2-prior-knowledge',
      '-D-',
      '-H',
      'content-type: application/grpc',
      '-H',
      'te: trailers',
      '-H',
      `Host: ${hosts[name]}`,
      `http://${address[name]}:9000/`,
    ),
    mesh.exec(caller, [node, '-e', tellProgram(address[name], 5000)]),
  ]);
  const ofGrpc = /^grpc-status: (\d+)/m.exec(grpc.body)?.[1];
  return [
    http.status === 200 ? 'answered' : `${http.status} ${http.body}`,
    ofGrpc !== undefined ? `gRPC ${ofGrpc}` : grpc.status === 200 ? 'answered' : String(grpc.status),
    tcp.startsWith('welcome to server\nheard hello') ? 'answered' : 'ended',
  ];
}

/** Both callers of a kind have the same; it is returned. */
async function same(kind: 'plain' | 'scoped', name: Name): Promise<string> {
  const [demand, eager] = await Promise.all([outcomes(`${kind}-demand`, name), outcomes(`${kind}-eager`, name)]);
  assert.deepEqual(demand, eager, `${kind} callers of ${name}`);
  return demand.join(', ');
}

const answered = 'answered, answered, answered';
/** What a mesh says to requests for hosts that nobody has registered. */
const refused = '502 , gRPC 14, ended';

test('exportTo and REGISTRY_ONLY', { skip }, async () => {
  for (const name of ['near', 'far', 'unscoped'] as const) assert.equal(await same('plain', name), answered, name);
  for (const name of ['hidden', 'later'] as const) assert.equal(await same('plain', name), refused, name);
});

test('a Sidecar', { skip }, async () => {
  for (const name of ['near', 'far'] as const) assert.equal(await same('scoped', name), answered, name);
  for (const name of ['hidden', 'unscoped', 'later'] as const) assert.equal(await same('scoped', name), refused, name);
});

test('a service that comes, goes, and comes again', { skip }, async () => {
  const later = JSON.stringify(service('later', 'away', address.later), undefined, 1);
  for (const [change, wanted] of [
    ['apply', answered],
    ['delete', refused],
    ['apply', answered],
  ] as const) {
    await mesh[change](later);
    for (const kind of ['plain', 'scoped'] as const) {
      for (const delivery of ['demand', 'eager'] as const) {
        let now: readonly string[] = [];
        await until(
          async () => (now = await outcomes(`${kind}-${delivery}`, 'later')).join(', ') === wanted,
          () => `${wanted} after ${change}, for ${kind} callers with ${delivery}; now ${now.join(', ')}`,
        );
      }
    }
  }
});

test('a service that may no longer be seen', { skip }, async () => {
  const far = (exportTo: string) => JSON.stringify(service('far', 'away', address.far, exportTo), undefined, 1);
  for (const [exportTo, wanted] of [
    ['.', refused],
    ['*', answered],
  ] as const) {
    await mesh.apply(far(exportTo));
    for (const caller of ['plain-demand', 'plain-eager']) {
      let now: readonly string[] = [];
      await until(
        async () => (now = await outcomes(caller, 'far')).join(', ') === wanted,
        () => `${wanted} for ${caller} of what is exported to ${exportTo}; now ${now.join(', ')}`,
      );
    }
  }
});
