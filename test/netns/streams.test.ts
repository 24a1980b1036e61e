// What is not plain HTTP/1.1: long streams (WebSockets through the gateway and through a sidecar, an HTTP/2 stream as gRPC has them), which
// outlive every change of routes and clusters; gRPC as browsers send it; HTTP/1.0.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { after, before, test } from 'node:test';
import { node, sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
let mesh: RunningMesh;

/** Sends back what each stream brings, with a trailer as gRPC has it. */
const echoServer = `
const server = require('node:http2').createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('error', () => {});
  stream.pipe(stream);
});
server.listen(9000);
require('node:net').createServer((socket) => server.emit('connection', socket)).listen(9001);
`;

/** One stream for as long as standard input is open: each line goes out, and what comes back is printed. */
const streamClient = `
const stream = require('node:http2').connect('http://echo:9000').request(
  { ':method': 'POST', ':path': '/echo.Echo/Stream', 'content-type': 'application/grpc', te: 'trailers' });
stream.setEncoding('utf8').on('data', (text) => process.stdout.write(text));
stream.on('error', (error) => console.log('ended: ' + error.message)).on('close', () => { console.log('ended'); process.exit(); });
process.stdin.on('end', () => process.exit()).pipe(stream);
`;

const socketClient = `
const socket = new WebSocket('ws://httpbin:8000/websocket/echo');
socket.onopen = () =>
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => socket.send(line)).on('close', () => process.exit());
socket.onmessage = ({ data }) => console.log(data);
socket.onclose = ({ code }) => { console.log('ended: ' + code); process.exit(); };
`;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({
    files: [sample('httpbin/httpbin.yaml'), sample('httpbin/httpbin-gateway.yaml'), sample('curl/curl.yaml')],
    text: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'echo' },
        spec: {
          selector: { app: 'echo' },
          ports: [
            { name: 'grpc', port: 9000 },
            { name: 'grpc-web', port: 9001, targetPort: 9001 },
          ],
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'echo', labels: { app: 'echo' } },
        spec: {
          containers: [
            { name: 'echo', image: 'curlimages/curl', command: [node, '-e', echoServer], ports: [{ containerPort: 9000 }] },
          ],
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'old', annotations: { 'proxy.istio.io/config': 'proxyMetadata: {ISTIO_META_HTTP10: "1"}' } },
        spec: { containers: [{ name: 'old', image: 'curlimages/curl', command: ['/bin/sleep', 'infinity'] }] },
      },
    ]
      .map((document) => JSON.stringify(document))
      .join('\n---\n'),
  });
});

after(() => mesh?.[Symbol.asyncDispose]());

/** What goes to and fro on one stream. */
interface Conversation {
  readonly name: string;
  say(word: string): void;
  readonly heard: string[];
}

function inPod(name: string, program: string): Conversation & AsyncDisposable {
  const child = mesh.execute('curl', [node, '-e', program]);
  const heard: string[] = [];
  const lines: Interface = createInterface({ input: child.stdout ?? process.stdin });
  lines.on('line', (line) => heard.push(line));
  return {
    name,
    heard,
    say: (word) => void child.stdin?.write(`${word}\n`),
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}

async function throughGateway(): Promise<Conversation & Disposable> {
  const socket = new WebSocket(`ws://127.0.0.1:${await mesh.port()}/websocket/echo`);
  const heard: string[] = [];
  socket.addEventListener('message', ({ data }) => heard.push(String(data)));
  socket.addEventListener('close', ({ code }) => heard.push(`ended: ${code}`));
  await until(
    () => socket.readyState === WebSocket.OPEN,
    () => `the gateway to take the WebSocket; it heard ${heard.join(', ')}`,
  );
  return {
    name: 'WebSocket through the gateway',
    heard,
    say: (word) => socket.send(word),
    [Symbol.dispose]: () => socket.close(),
  };
}

const networking = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name }, spec }, undefined, 1);

const rules = (host: string, http: object) => networking('VirtualService', `${host}-inside`, { hosts: [host], http: [http] });
const policy = (host: string, trafficPolicy: object) =>
  networking('DestinationRule', host, { host, subsets: [{ name: 'all', labels: { app: host } }], trafficPolicy });
const to = (host: string, subset?: string) => ({ destination: { host, ...(subset !== undefined && { subset }) } });

test('streams outlive changes of routes, clusters and endpoints', { skip, timeout: 120_000 }, async () => {
  await until(
    async () =>
      (await mesh.get('/status/200')).status === 200 && (await mesh.curl('curl', 'http://httpbin:8000/get')).status === 200,
    () => 'httpbin, inside and through the gateway',
  );
  using outside = await throughGateway();
  await using inside = inPod('WebSocket through a sidecar', socketClient);
  await using stream = inPod('HTTP/2 stream', streamClient);
  const all = [outside, inside, stream];
  const said: string[] = [];
  const talk = async (word: string): Promise<void> => {
    said.push(word);
    for (const each of all) each.say(word);
    for (const { name, heard } of all) {
      await until(
        () => heard.length >= said.length,
        () => `${name} to answer after: ${word}; it heard ${heard.join(', ')}`,
      );
      assert.deepEqual(heard, said, name);
    }
  };
  await talk('hello');

  for (const host of ['httpbin', 'echo'])
    await mesh.apply(rules(host, { route: [to(host)], timeout: '2s', retries: { attempts: 5 } }));
  assert.match(await mesh.admin('curl', '/config_dump?resource=dynamic_route_configs'), /"timeout": "2s"/);
  await talk('a timeout for later requests');

  for (const host of ['httpbin', 'echo'])
    await mesh.apply(policy(host, { loadBalancer: { simple: 'RANDOM' } }), rules(host, { route: [to(host, 'all')] }));
  await talk('another subset');

  for (const host of ['httpbin', 'echo']) {
    await mesh.apply(policy(host, { connectionPool: { http: { maxRequestsPerConnection: 3 }, tcp: { connectTimeout: '3s' } } }));
  }
  assert.match(await mesh.admin('curl', '/config_dump?resource=dynamic_active_clusters'), /"connect_timeout": "3s"/);
  await talk('other clusters');

  for (const host of ['httpbin', 'echo']) await mesh.apply(rules(host, { directResponse: { status: 503 } }));
  await until(
    async () => (await mesh.curl('curl', 'http://httpbin:8000/get')).status === 503,
    () => 'requests to be answered by the rule',
  );
  await talk('no route at all');

  for (const host of ['httpbin', 'echo']) await mesh.delete(rules(host, {}), policy(host, {}));
  await until(
    async () => (await mesh.curl('curl', 'http://httpbin:8000/get')).status === 200,
    () => 'requests to be served again',
  );
  await talk('all gone');
});

test('a browser’s gRPC reaches a server as gRPC, and its trailers come back in the body', { skip }, async () => {
  const program = `
fetch('http://echo:9001/echo.Echo/Once', { method: 'POST', headers: { 'content-type': 'application/grpc-web+proto' },
  body: Buffer.from([0, 0, 0, 0, 2, 104, 105]) }).then(async (answer) =>
  console.log(JSON.stringify({ status: answer.status, type: answer.headers.get('content-type'), body: Buffer.from(await answer.arrayBuffer()).toString('latin1') })));
`;
  const answer = JSON.parse(await mesh.exec('curl', [node, '-e', program])) as {
    readonly status: number;
    readonly type: string;
    readonly body: string;
  };
  assert.deepEqual([answer.status, answer.type], [200, 'application/grpc-web+proto']);
  const trailers = 'grpc-status:0\r\n';
  assert.equal(answer.body, `\0\0\0\0\x02hi\x80\0\0\0${String.fromCharCode(trailers.length)}${trailers}`);
});

test('HTTP/1.0 follows the rules where a proxy serves it', { skip }, async () => {
  const ruled = rules('httpbin', { route: [to('httpbin')], headers: { response: { set: { 'x-ruled': 'yes' } } } });
  await mesh.apply(ruled);
  const program = `
const socket = require('node:net').connect(8000, 'httpbin', () => socket.write('GET /get HTTP/1.0\\r\\nHost: httpbin\\r\\n\\r\\n'));
socket.pipe(process.stdout);
`;
  const answer = await until(
    async () => {
      const text = await mesh.exec('old', [node, '-e', program]);
      return /x-ruled: yes/i.test(text) && text;
    },
    () => 'the rule to hold for HTTP/1.0',
  );
  assert.match(answer, /^HTTP\/1\.[01] 200 /);
  await mesh.delete(ruled);
});
