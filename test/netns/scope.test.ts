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

const pod = (name: string, namespace: string, command: readonly string[], annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name }, annotations },
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
    meshConfig: 'proxyHttpPort: 15007\noutboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}\n',
    text: texts([
      pod('caller', 'default', [node, '-e', server]),
      pod('alone', 'default', ['sleep', 'infinity'], { 'sidecar.istio.io/interceptionMode': 'NONE' }),
      pod('near', 'default', [node, '-e', server]),
      pod('far', 'other', [node, '-e', server]),
      service('near', 'default', [http]),
      service('far', 'other', [http, { name: 'http-local', port: 7777, targetPort: 8080 }]),
    ]),
  });
});

after(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

interface Wanted {
  readonly status: number;
  readonly body?: string;
}

const answers = (wanted: Wanted, ...args: readonly string[]): Promise<void> => answersTo('caller', wanted, ...args);

/** Calls until the answer is the wanted one: a change takes a moment to arrive. */
async function answersTo(caller: string, { status, body }: Wanted, ...args: readonly string[]): Promise<void> {
  let last = { status: -1, body: '' };
  await until(
    async () => {
      last = await mesh.curl(caller, ...args);
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

test(
  'where nothing is redirected services are dialled at the loopback address, and an HTTP proxy leads to all of them',
  { skip },
  async () => {
    await answersTo('alone', { status: 200, body: 'asked at 8080' }, ...dialled);
    for (const caller of ['alone', 'caller']) {
      await answersTo(caller, { status: 200, body: 'asked at 8080' }, '-x', 'http://127.0.0.1:15007', far);
      await answersTo(caller, { status: 200, body: 'asked at 8080' }, '-x', 'http://127.0.0.1:15007', 'http://far.other:7777/');
    }
  },
);

test('with ALLOW_ANY_DYNAMIC_DNS a host that nobody declared is looked up, whatever was dialled', { skip }, async () => {
  const { address } = await mesh.pod('far');
  // Nothing answers at that port: only the name leads anywhere.
  for (const url of [`http://${address}:1234/`, far]) {
    await answers({ status: 200, body: 'asked at 9080' }, url, '-H', 'host: localhost:9080');
  }
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

test('an egress listener at a Unix socket leads to all ports of its hosts', { skip }, async () => {
  const listener = { port: { number: 0, protocol: 'HTTP', name: 'far' }, bind: 'unix:///tmp/egress.sock', hosts: ['other/*'] };
  await mesh.apply(texts([sidecar('default', { egress: [listener, { hosts: ['./*'] }] })]));
  await answers({ status: 200, body: 'asked at 8080' }, '--unix-socket', '/tmp/egress.sock', 'http://far.other:7777/');
  await answers({ status: 200, body: 'asked at 8080' }, '--unix-socket', '/tmp/egress.sock', far);
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
