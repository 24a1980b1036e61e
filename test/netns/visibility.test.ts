// Whom a caller may reach is the same however its clusters are delivered: by exportTo, REGISTRY_ONLY and Sidecar objects, over HTTP,
// gRPC and TCP, for what is there, what is hidden, and what is not there yet.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { originPod, tellProgram } from '../support/origin-program.ts';
import { until } from '../support/until.ts';
import type { HappenedAnswer } from '../../src/control/api/contract.ts';

const skip = whyNoMesh();

const pod = (name: string, namespace: string, delivery: string) =>
  originPod(name, namespace, { 'lateen.dev/delivery': delivery }, { caller: name.split('-')[0] });

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
  // Others have ports that it lacks, and a rule leads to it.
  {
    ...service('elsewhere', 'default', '10.96.40.9'),
    spec: {
      clusterIP: '10.96.40.9',
      selector: { app: 'server' },
      ports: [
        { name: 'http', port: 8000, targetPort: 8080 },
        { name: 'tcp', port: 5001, targetPort: 8082 },
        { name: 'unsaid', port: 5002, targetPort: 8082 },
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'near', namespace: 'default' },
    spec: { hosts: ['near'], http: [{ route: [{ destination: { host: 'near' } }] }] },
  },
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

/** What a request comes to, and what the caller's proxy says of it. */
async function request(caller: string, host: string, url: string) {
  const id = randomUUID();
  const { status, body } = await mesh.curl(caller, '-H', `Host: ${host}`, '-H', `x-request-id: ${id}`, url);
  // A connection that is ended is no request, and the words are curl's.
  if (status === 0) return 'ended';
  const told = await until(
    async () => {
      const { code, stdout } = await mesh.lateen(['why', id, '-o', 'json']);
      return code === 0 && (JSON.parse(stdout) as HappenedAnswer).hops[0];
    },
    () => `what became of ${url} from ${caller}`,
  );
  const { code, flags, failed } = told.row;
  // Of the cluster that stands for such a host Envoy says that nobody is behind it.
  return { status, body, code, failed, says: told.cause?.says, flags: flags.filter((flag) => flag !== 'UH') };
}

test('every way of being unknown is answered alike, and told of alike', { skip }, async () => {
  const { near, hidden, unscoped } = address;
  for (const [kind, what, host, url] of [
    ['plain', 'a host that nobody has', 'nobody', `http://${near}/`],
    ['plain', 'a host outside', 'www.example.com', `http://${near}/`],
    ['plain', 'a known host at a port of others', 'near', `http://${near}:8000/`],
    ['plain', 'a known host at a port of nobody', 'near', `http://${near}:8001/`],
    ['plain', 'a hidden host', 'hidden.away', `http://${hidden}/`],
    ['plain', 'the address of a hidden host', hidden, `http://${hidden}/`],
    ['scoped', 'a host outside of the egress', 'unscoped.away', `http://${unscoped}/`],
    ['scoped', 'a known host at a port that no host of the egress has', 'near', `http://${near}:8000/`],
  ] as const) {
    const [demand, eager] = await Promise.all(['demand', 'eager'].map((delivery) => request(`${kind}-${delivery}`, host, url)));
    assert.deepEqual(demand, eager, what);
    assert.ok(demand === 'ended' || demand?.status === 502, what);
  }
  for (const port of [5001, 5002, 5003]) {
    for (const delivery of ['demand', 'eager']) {
      const heard = await mesh.exec(`plain-${delivery}`, [node, '-e', tellProgram(near, port)]);
      assert.doesNotMatch(heard, /welcome/, `port ${port} of a host that lacks it, ${delivery}`);
    }
  }
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
