// Ways of bytes that no other test sends any by: two networks with an east-west gateway between them, an egress proxy of a Sidecar,
// TLS that an ingress listener ends, PROXY headers for servers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authority, leaf, secretOf, type TestAuthority } from '../support/certificates.ts';
import { gateway, gatewayPods, kept, networking, pod, texts } from '../support/manifests.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Says who it is, who called it by his certificate and from where, and which host was asked for. */
const server = `
const { NAME, PORT = '8080' } = process.env;
require('node:http').createServer(({ headers, socket, url }, response) => {
  const from = socket.remoteAddress.replace('::ffff:', '');
  response.end(JSON.stringify({ name: NAME, from, url, host: headers.host, caller: headers['x-forwarded-client-cert'] ?? '' }));
}).listen(Number(PORT));
`;

/** Answers with the first bytes that a connection brings, in hexadecimal. */
const first = `
require('node:net').createServer((socket) => {
  socket.once('data', (bytes) => socket.end(bytes.toString('hex').slice(0, 200)));
  socket.on('error', () => undefined);
}).listen(9000);
`;

interface Said {
  readonly name: string;
  readonly from: string;
  readonly url: string;
  readonly host: string;
  readonly caller: string;
}

const serving = (name: string, labels: object, more: object = {}) =>
  pod(name, { labels }, { command: [node, '-e', server], env: [{ name: 'NAME', value: name }], ...more });

const service = (name: string, ports: readonly object[], selector: object = { app: name }) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector, ports },
});

const network = 'topology.istio.io/network';
const http = { name: 'http', port: 80, targetPort: 8080 };
/** `view`: the networks whose endpoints it wants; a gateway leads to those of its own. */
const onNetwork = (name: string, view?: string) =>
  JSON.stringify({
    proxyMetadata: { ISTIO_META_NETWORK: name, ...(view !== undefined && { ISTIO_META_REQUESTED_NETWORK_VIEW: view }) },
  });

/** The server `headed` gets a PROXY header of this version. */
const announced = (version: string) =>
  networking('DestinationRule', 'headed', { host: 'headed.example', trafficPolicy: { proxyProtocol: { version } } });

let mesh: RunningMesh;
let servers: TestAuthority;
const address = async (name: string): Promise<string> => (await mesh.pod(name)).address;

before(async () => {
  if (skip !== false) return;
  servers = await authority('servers');
  mesh = await startMesh({
    text: texts([
      pod(
        'caller',
        { labels: { app: 'caller', [network]: 'one' }, annotations: { 'proxy.istio.io/config': onNetwork('one') } },
        { command: ['sleep', 'infinity'] },
      ),
      pod('outside', { labels: { 'sidecar.istio.io/inject': 'false' } }, { command: ['sleep', 'infinity'] }),
      serving('near', { app: 'shop', [network]: 'one' }),
      serving('far', { app: 'shop', [network]: 'two' }),
      service('shop', [http]),
      serving('proxy', { app: 'proxy' }),
      service('proxy', [http]),
      pod(
        'greeter',
        { labels: { app: 'greeter', 'sidecar.istio.io/inject': 'false' } },
        { command: [node, '-e', `require('node:net').createServer((socket) => socket.end('220 welcome')).listen(25)`] },
      ),
      // Says of a port of mail servers that it is HTTP's.
      service('proxy-too', [{ name: 'http-mail', port: 25, targetPort: 8080 }], { app: 'proxy' }),
      pod('first', { labels: { app: 'first', 'sidecar.istio.io/inject': 'false' } }, { command: [node, '-e', first] }),
      kept('Secret', 'served', secretOf(await leaf(servers, { dnsNames: ['secured.example'] }))),
      pod(
        'secured',
        { labels: { app: 'secured' } },
        {
          command: [node, '-e', server],
          env: [{ name: 'NAME', value: 'secured' }],
          volumeMounts: [{ name: 'served', mountPath: '/etc/served' }],
        },
        [{ name: 'served', secret: { secretName: 'served' } }],
      ),
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name: 'secured' },
        spec: { selector: { matchLabels: { app: 'secured' } }, mtls: { mode: 'DISABLE' } },
      },
      networking('Sidecar', 'secured', {
        workloadSelector: { labels: { app: 'secured' } },
        ingress: [
          {
            port: { number: 9443, protocol: 'HTTPS', name: 'https' },
            defaultEndpoint: '127.0.0.1:8080',
            tls: { mode: 'SIMPLE', serverCertificate: '/etc/served/tls.crt', privateKey: '/etc/served/tls.key' },
          },
        ],
      }),
      ...gatewayPods('eastwest', [[15443, 15443]], { 'proxy.istio.io/config': onNetwork('two', 'two') }),
      gateway('eastwest', [
        { port: { number: 15443, name: 'tls', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } },
      ]),
    ]),
  });
  const [inside, between] = [await address('first'), await address('eastwest')];
  await mesh.apply(
    texts([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'eastwest', namespace: 'istio-system', labels: { [network]: 'two' } },
        spec: {
          selector: { gateway: 'eastwest' },
          ports: [{ name: 'tls', port: 15443, targetPort: 15443 }],
          externalIPs: [between],
        },
      },
      announced('V2'),
      networking('ServiceEntry', 'headed', {
        hosts: ['headed.example'],
        addresses: ['240.240.9.1'],
        resolution: 'STATIC',
        ports: [{ number: 9000, name: 'tcp', protocol: 'TCP' }],
        endpoints: [{ address: inside }],
      }),
    ]),
  );
});

after(() => mesh?.[Symbol.asyncDispose]());

async function asked(...call: readonly string[]): Promise<Said | undefined> {
  const { status, body } = await mesh.curl('caller', ...call);
  return status === 200 ? (JSON.parse(body) as Said) : undefined;
}

test('endpoints of another network are called through its gateway, those of the own directly', { skip }, async () => {
  const [near, between] = [await address('near'), await address('eastwest')];
  const from = new Map<string, Set<string>>();
  await until(
    async () => {
      const said = await asked('http://shop/', '-H', 'connection: close');
      if (said !== undefined) from.set(said.name, (from.get(said.name) ?? new Set()).add(said.caller));
      return from.has('near') && from.has('far');
    },
    () => `both to be called; they were ${[...from.keys()].join()}`,
  );
  const clusters = (await mesh.admin('caller', '/clusters')).split('\n');
  const endpoints = clusters.filter((line) => line.startsWith('outbound|80||shop') && line.includes('::cx_total::'));
  assert.deepEqual(new Set(endpoints.map((line) => line.split('::')[1])), new Set([`${near}:8080`, `${between}:15443`]));
  for (const certificates of from.values())
    for (const certificate of certificates) assert.match(certificate, /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/default/);
});

test(
  'a service that calls a port of mail servers HTTP keeps nobody from mail servers that are not declared',
  { skip },
  async () => {
    const talk = `require('node:net').connect(25,'${await address('greeter')}').pipe(process.stdout)`;
    assert.equal(await mesh.exec('caller', [node, '-e', talk]), '220 welcome');
    assert.equal((await asked('http://proxy-too:25/'))?.name, 'proxy');
  },
);

test('an ingress listener ends TLS with files of the pod', { skip }, async () => {
  const secured = await address('secured');
  const url = 'https://secured.example:9443/path';
  const ca = mesh.write('servers.pem', servers.pem);
  const body = await until(
    async () => {
      const { stdout } = await mesh.lateen([
        'exec',
        'outside',
        '--',
        'curl',
        '-s',
        '--resolve',
        `secured.example:9443:${secured}`,
        '--cacert',
        ca,
        url,
      ]);
      return stdout !== '' && stdout;
    },
    () => `an answer at ${url}`,
  );
  assert.deepEqual([(JSON.parse(body) as Said).name, (JSON.parse(body) as Said).url], ['secured', '/path']);
  assert.equal((await mesh.curl('outside', `http://${secured}:9443/`)).status, 0, 'in plaintext it takes nothing');
});

test('a server behind a proxy of others is told who calls by a PROXY header of either version', { skip }, async () => {
  const caller = await address('caller');
  const bytes = caller
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  const talk = `const s=require('node:net').connect(9000,'headed.example',()=>s.write('hello'));s.pipe(process.stdout);s.on('error',()=>{})`;
  const brought = () => mesh.exec('caller', [node, '-e', talk]);
  // The second version: its signature, then PROXY over TCP and IPv4, then addresses.
  await until(
    async () => new RegExp(`^0d0a0d0a000d0a515549540a2111[0-9a-f]{4}${bytes}`).test(await brought()),
    () => 'the second version of the header',
  );
  await mesh.apply(texts([announced('V1')]));
  let last = '';
  await until(
    async () => {
      last = Buffer.from(await brought(), 'hex').toString();
      return last.startsWith(`PROXY TCP4 ${caller} `);
    },
    () => `the first version of the header; last came ${JSON.stringify(last)}`,
  );
});

test('what nobody declared goes where a Sidecar sends it', { skip }, async () => {
  const sidecar = networking('Sidecar', 'caller', {
    workloadSelector: { labels: { app: 'caller' } },
    outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy: { host: 'proxy.default.svc.cluster.local', port: { number: 80 } } },
    egress: [{ hosts: ['./*', 'istio-system/*'] }],
  });
  await mesh.apply(texts([sidecar]));
  const said = await until(
    () => asked('http://192.0.2.7:8000/anything', '-H', 'host: nowhere.example'),
    () => 'the egress proxy to be asked',
  );
  assert.deepEqual([said.name, said.url, said.host], ['proxy', '/anything', 'nowhere.example']);
  await mesh.delete(texts([sidecar]));
});
