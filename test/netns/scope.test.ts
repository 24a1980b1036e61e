// Sidecar objects in a whole mesh: what a workload may call, where it calls it, and where its own callers arrive.

import { after, before, test } from 'node:test';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Says at which port it was asked; the one at loopback is for the proxy alone. */
const server = `
const { createServer } = require('node:http');
const answer = (port) => (request, response) => response.setHeader('connection', 'close').end('asked at ' + port);
createServer(answer(8080)).listen(8080);
createServer(answer(9080)).listen(9080, '127.0.0.1');
`;

const texts = (documents: readonly object[]): string =>
  documents.map((each) => JSON.stringify(each, undefined, 1)).join('\n---\n');

const pod = (name: string, namespace: string, command: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name } },
  spec: { containers: [{ name, image: 'curlimages/curl', command }] },
});

const service = (name: string, namespace: string, ports: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports },
});

const sidecar = (name: string, spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name, namespace: 'default' },
  spec,
});

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  const http = { name: 'http', port: 80, targetPort: 8080 };
  mesh = await startMesh({
    text: texts([
      pod('caller', 'default', ['sleep', 'infinity']),
      pod('near', 'default', [node, '-e', server]),
      pod('far', 'other', [node, '-e', server]),
      service('near', 'default', [http]),
      service('far', 'other', [http, { name: 'http-local', port: 7777, targetPort: 8080 }]),
    ]),
  });
});

after(() => mesh?.[Symbol.asyncDispose]());

interface Wanted {
  readonly status: number;
  readonly body?: string;
}

/** Calls until the answer is the wanted one: a change takes a moment to arrive. */
async function answers({ status, body }: Wanted, ...args: readonly string[]): Promise<void> {
  let last = { status: -1, body: '' };
  await until(
    async () => {
      last = await mesh.curl('caller', ...args);
      return last.status === status && (body === undefined || last.body === body);
    },
    () => `${status} ${body ?? ''} from ${args.join(' ')}; the last answer was ${last.status} ${last.body}`,
  );
}

const near = 'http://near/';
const far = 'http://far.other/';
const dialled = ['http://127.0.0.1:7777/', '-H', 'host: far.other'];

test('without a Sidecar a workload calls everything', { skip }, async () => {
  await answers({ status: 200, body: 'asked at 8080' }, near);
  await answers({ status: 200, body: 'asked at 8080' }, far);
  await answers({ status: 0 }, ...dialled);
});

test('with REGISTRY_ONLY and the hosts of its namespace it calls those, and nothing else', { skip }, async () => {
  await mesh.apply(
    texts([sidecar('default', { egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } })]),
  );
  await answers({ status: 502 }, far);
  await answers({ status: 200, body: 'asked at 8080' }, near);
  // Not even by its address: the black hole takes the connection.
  const { address } = await mesh.pod('far');
  await answers({ status: 0 }, `http://${address}:8080/`);
});

test('an egress listener with a port of its own is dialled there, and only there', { skip }, async () => {
  const listener = { port: { number: 7777, protocol: 'HTTP', name: 'far' }, captureMode: 'NONE', hosts: ['other/*'] };
  await mesh.apply(
    texts([sidecar('default', { egress: [listener, { hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } })]),
  );
  await answers({ status: 200, body: 'asked at 8080' }, ...dialled);
  await answers({ status: 502 }, far);
});

test('an ingress listener hands callers on to a port that only the proxy reaches', { skip }, async () => {
  const port = { number: 8080, protocol: 'HTTP', name: 'http' };
  const serving = (defaultEndpoint: string) =>
    sidecar('near', { workloadSelector: { labels: { app: 'near' } }, ingress: [{ port, defaultEndpoint }] });
  await mesh.apply(texts([serving('127.0.0.1:9080')]));
  await answers({ status: 200, body: 'asked at 9080' }, near);
  // Its own address is not a loop: the proxy's connection to it is let through.
  await mesh.apply(texts([serving('0.0.0.0:8080')]));
  await answers({ status: 200, body: 'asked at 8080' }, near);
});

test('a Sidecar that goes leaves everything as it was', { skip }, async () => {
  await mesh.delete(texts([sidecar('default', { egress: [{ hosts: ['./*'] }] })]));
  await answers({ status: 200, body: 'asked at 8080' }, far);
  await answers({ status: 0 }, ...dialled);
});
