// Pods that are called one by one, and by how near they are: a StatefulSet's by name, themselves included; a service's nearer ones
// before farther ones, until they fail or are gone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Says which pod it is, to HTTP at 8080 (one of them with 429 where it is asked to) and at once to whoever connects at 9090. */
const program = `
const name = require('node:os').hostname();
require('node:http').createServer((q, s) => {
  s.statusCode = q.url === '/busy' && name === 'sick' ? 429 : 200;
  s.setHeader('connection', 'close').end(name);
}).listen(8080);
require('node:net').createServer((s) => { s.on('error', () => {}); s.end(name); }).listen(9090);`;

const container = { name: 'main', image: 'curlimages/curl', command: [node, '-e', program] };
const ports = [
  { name: 'http', port: 8080 },
  { name: 'tcp', port: 9090 },
];

const placed = (name: string, locality: string, app = 'shop') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app, 'topology.istio.io/locality': locality } },
  spec: { containers: [container] },
});

const documents = [
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db' }, spec: { clusterIP: 'None', selector: { app: 'db' }, ports } },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      serviceName: 'db',
      replicas: 2,
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [container] } },
    },
  },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' }, spec: { selector: { app: 'shop' }, ports } },
  placed('near', 'east.e1'),
  placed('far', 'west.w1'),
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'clinic' }, spec: { selector: { app: 'clinic' }, ports } },
  placed('sick', 'east.e1', 'clinic'),
  placed('well', 'west.w1', 'clinic'),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'clinic' },
    spec: {
      host: 'clinic',
      trafficPolicy: {
        outlierDetection: {
          consecutive5xxErrors: 2,
          outlierDetectionHttpErrorCodes: ['429'],
          baseEjectionTime: '5m',
          maxEjectionPercent: 100,
        },
      },
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'shop' },
    spec: { host: 'shop', trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5 } } },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'caller', labels: { 'topology.istio.io/locality': 'east.e1' } },
    spec: { containers: [{ name: 'main', image: 'curlimages/curl', command: ['sleep', 'infinity'] }] },
  },
];

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({ text: documents.map((each) => JSON.stringify(each, undefined, 1)).join('\n---\n') });
});

after(async () => mesh?.[Symbol.asyncDispose]());

/** Who answers a connection that says nothing. */
const greeting = (from: string, host: string): Promise<string> =>
  mesh.exec(from, [
    node,
    '-e',
    `const s = require('node:net').connect({ host: '${host}', port: 9090 });
     s.setTimeout(8000, () => { console.log('nothing'); s.destroy(); });
     s.on('data', (d) => process.stdout.write(d)).on('error', (e) => console.log(e.code));`,
  ]);

test('each pod of a StatefulSet is reached by its name, by HTTP and TCP, also by itself', { skip }, async () => {
  for (const from of ['caller', 'db-0']) {
    for (const pod of ['db-0', 'db-1']) {
      for (const host of [`${pod}.db`, `${pod}.db.default.svc.cluster.local`]) {
        await until(
          async () => (await mesh.curl(from, `http://${host}:8080/`)).body === pod,
          () => `${pod} to answer ${from} at ${host} by HTTP`,
        );
        await until(
          async () => (await greeting(from, host)) === pod,
          () => `${pod} to answer ${from} at ${host} by TCP`,
        );
      }
    }
  }
});

test('near endpoints are called while there are any, then those farther away', { skip }, async () => {
  const answer = async () => (await mesh.curl('caller', 'http://shop:8080/')).body;
  await until(
    async () => (await answer()) === 'near',
    () => 'the near pod to answer',
  );
  for (let turn = 0; turn < 8; turn++) assert.equal(await answer(), 'near');
  await mesh.delete(JSON.stringify(placed('near', 'east.e1'), undefined, 1));
  await until(
    async () => (await answer()) === 'far',
    () => 'the far pod to answer once the near one is gone',
  );
});

test('an endpoint whose answers count as failures is left for one farther away', { skip }, async () => {
  const answer = async (path: string) => mesh.curl('caller', `http://clinic:8080${path}`);
  await until(
    async () => (await answer('/')).body === 'sick',
    () => 'the near pod to answer',
  );
  assert.deepEqual(await answer('/busy'), { status: 429, body: 'sick' });
  await until(
    async () => (await answer('/busy')).status === 200,
    () => 'the near pod to be ejected for its answers',
  );
  for (let turn = 0; turn < 4; turn++) assert.deepEqual(await answer('/'), { status: 200, body: 'well' });
});
