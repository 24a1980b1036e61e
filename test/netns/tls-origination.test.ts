// TLS that is not the mesh's own: started by a caller's proxy with files of its pod, ended or handed on by the ingress gateway.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { authority, leaf, revocationList, secretOf, type Leaf, type TestAuthority } from '../support/certificates.ts';
import { kept, networking, pod, secureServer, texts, type Said } from '../support/manifests.ts';
import { startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** The service outside, called in plaintext at port 80, with TLS from the caller's proxy on. */
const originating = (tls: object) =>
  networking('DestinationRule', 'secure', { host: 'secure.example', trafficPolicy: { tls: { sni: 'server.example', ...tls } } });

const folder = mkdtempSync(join(tmpdir(), 'lateen-tls-'));
const accessLog = join(folder, 'access.log');
let mesh: RunningMesh;
let servers: TestAuthority;
let clients: TestAuthority;
let server: Leaf;

before(async () => {
  if (skip !== false) return;
  [servers, clients] = [await authority('servers'), await authority('clients')];
  server = await leaf(servers, { dnsNames: ['server.example'] });
  const documents = [
    kept('Secret', 'server', { ...secretOf(server), 'clients.pem': clients.pem }),
    kept('Secret', 'client', secretOf(await leaf(clients, { dnsNames: ['caller.example'] }))),
    kept('ConfigMap', 'authorities', { 'ca.pem': servers.pem, 'others.pem': clients.pem }),
    kept('Secret', 'site', secretOf(await leaf(servers, { dnsNames: ['site.example'] })), 'istio-system'),
    secureServer,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'secure' },
      spec: { selector: { app: 'secure' }, ports: [{ name: 'tls', port: 8443 }] },
    },
    pod(
      'caller',
      {
        annotations: {
          'sidecar.istio.io/userVolume': JSON.stringify({ client: { secret: { secretName: 'client' } } }),
          'sidecar.istio.io/userVolumeMount': JSON.stringify({ client: { mountPath: '/etc/client', readonly: true } }),
        },
      },
      { command: ['sleep', 'infinity'], volumeMounts: [{ name: 'authorities', mountPath: '/etc/authorities' }] },
      [{ name: 'authorities', configMap: { name: 'authorities' } }],
    ),
    networking('Gateway', 'edge', {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts: ['site.example'],
          tls: { mode: 'SIMPLE', credentialName: 'site' },
        },
        { port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts: ['server.example'], tls: { mode: 'PASSTHROUGH' } },
      ],
    }),
    networking('VirtualService', 'site', {
      hosts: ['site.example'],
      gateways: ['edge'],
      http: [{ directResponse: { status: 200, body: { string: 'the site' } } }],
    }),
    networking('VirtualService', 'passed-on', {
      hosts: ['server.example'],
      gateways: ['edge'],
      tls: [{ match: [{ sniHosts: ['server.example'] }], route: [{ destination: { host: 'secure', port: { number: 8443 } } }] }],
    }),
  ];
  // Envoy tells its callers that TLS failed, and only its log why. It may be another user than this test.
  chmodSync(folder, 0o777);
  mesh = await startMesh({ text: texts(documents), meshConfig: `accessLogFile: ${accessLog}\n` });
  await mesh.apply(
    texts([
      networking('ServiceEntry', 'secure', {
        hosts: ['secure.example'],
        addresses: ['240.240.7.7'],
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8443 }],
        endpoints: [{ address: (await mesh.pod('secure')).address }],
      }),
    ]),
  );
});

after(async () => {
  rmSync(folder, { recursive: true });
  await mesh?.[Symbol.asyncDispose]();
});

const call = (path = '/path') => mesh.curl('caller', `http://secure.example${path}`);

/** Calls until the answer is of this status and holds these words: a change takes a moment to arrive. */
const answers = (status: number, words: RegExp): Promise<string> => {
  let last = { status: 0, body: '' };
  return until(
    async () => {
      last = await call();
      return last.status === status && words.test(last.body) && last.body;
    },
    () => `${status} ${String(words)}; the last answer was ${last.status} ${last.body}`,
  );
};

let distrusts = 0;

/** Calls until the proxy refuses the server for its certificate. */
async function distrusted(): Promise<void> {
  const path = `/distrusted-${++distrusts}`;
  await until(
    async () => {
      if ((await call(path)).status !== 503) return false;
      const lines = readFileSync(accessLog, 'utf8').split('\n');
      return lines.some((line) => line.includes(`${path} `) && line.includes('CERTIFICATE_VERIFY_FAILED'));
    },
    () => 'the server to be refused for its certificate',
  );
}

const said = async (words: RegExp): Promise<Said> => JSON.parse(await answers(200, words)) as Said;

test('SIMPLE: plain HTTP leaves the pod as HTTPS, trusting a file of the pod', { skip }, async () => {
  await mesh.apply(
    texts([originating({ mode: 'SIMPLE', caCertificates: '/etc/authorities/ca.pem', subjectAltNames: ['server.example'] })]),
  );
  assert.deepEqual(await said(/path/), { url: '/path', sni: 'server.example', client: '' });
});

test('SIMPLE: another name in the certificate, or another authority, is refused', { skip }, async () => {
  const caCertificates = '/etc/authorities/ca.pem';
  await mesh.apply(texts([originating({ mode: 'SIMPLE', caCertificates, subjectAltNames: ['other.example'] })]));
  await distrusted();
  await mesh.apply(texts([originating({ mode: 'SIMPLE', caCertificates })]));
  await said(/path/);
  await mesh.apply(texts([originating({ mode: 'SIMPLE', caCertificates: '/etc/authorities/others.pem' })]));
  await distrusted();
});

test("SIMPLE without a file: this machine's authorities decide, and the test's is none of them", { skip }, async () => {
  await mesh.apply(texts([originating({ mode: 'SIMPLE' })]));
  await distrusted();
  const { certificates } = JSON.parse(await mesh.admin('caller', '/certs')) as {
    certificates: readonly { readonly ca_cert: readonly unknown[]; readonly cert_chain: readonly unknown[] }[];
  };
  assert.ok(certificates.some(({ ca_cert: trusted, cert_chain: own }) => trusted.length > 0 && own.length === 0));
});

test('MUTUAL: the server is shown a certificate of files that the proxy alone sees', { skip }, async () => {
  const files = {
    caCertificates: '/etc/authorities/ca.pem',
    clientCertificate: '/etc/client/tls.crt',
    privateKey: '/etc/client/tls.key',
  };
  await mesh.apply(texts([originating({ mode: 'MUTUAL', ...files })]));
  assert.equal((await said(/caller\.example/)).client, 'DNS:caller.example');
  const seen = await mesh.lateen(['exec', 'caller', '--', 'ls', '/etc/client']);
  assert.notEqual(seen.code, 0);

  // A renewed certificate is shown to the next server without anything being started again.
  await mesh.apply(texts([kept('Secret', 'client', secretOf(await leaf(clients, { dnsNames: ['renewed.example'] })))]));
  assert.equal((await said(/renewed\.example/)).client, 'DNS:renewed.example');
});

test('a file that is not there: calls fail, `lateen up` says what to do, and they go on when it comes', { skip }, async () => {
  await mesh.apply(texts([originating({ mode: 'SIMPLE', caCertificates: '/etc/authorities/late.pem' })]));
  const missing =
    /warning LAT2010 Pod\/default\/caller.*secret file-root:\/etc\/authorities\/late\.pem: .* cannot be opened: no such file.*\(mount the file/;
  await until(
    () => missing.test(mesh.log),
    () => `a word about the file; it said:\n${mesh.log}`,
  );
  await answers(503, /./);
  await mesh.apply(texts([kept('ConfigMap', 'authorities', { 'ca.pem': servers.pem, 'late.pem': servers.pem })]));
  await said(/path/);
  // No rule of the gateway leads to that service: files of its callers are not the gateway's concern.
  assert.doesNotMatch(mesh.log, /LAT2010 Pod\/istio-system/);
});

test('a list of revoked certificates in a file: what is on it is refused, from the moment that it is', { skip }, async () => {
  const files = { caCertificates: '/etc/authorities/ca.pem', caCrl: '/etc/authorities/revoked.pem' };
  const listed = async (revoked: readonly Leaf[]) =>
    mesh.apply(
      texts([kept('ConfigMap', 'authorities', { 'ca.pem': servers.pem, 'revoked.pem': await revocationList(servers, revoked) })]),
    );
  await listed([await leaf(servers, { dnsNames: ['lost.example'] })]);
  await mesh.apply(texts([originating({ mode: 'SIMPLE', ...files })]));
  await said(/path/);
  // A connection that is there goes on: its server was good when it was made.
  await listed([server]);
  await mesh.apply(texts([originating({ mode: 'SIMPLE', ...files, subjectAltNames: ['server.example'] })]));
  await distrusted();
});

test("a file of this machine is not the pod's to read", { skip }, async () => {
  const path = mesh.write('machine.pem', servers.pem);
  await mesh.apply(texts([originating({ mode: 'SIMPLE', caCertificates: path })]));
  await until(
    () => mesh.log.includes(`${path} cannot be opened: no volume of the pod is mounted there`),
    () => `a word about the file; it said:\n${mesh.log}`,
  );
  await answers(503, /./);
});

/** A call to the gateway's port 443, and the certificate that answered. */
async function atGateway(host: string): Promise<{ readonly body: string; readonly serial: string }> {
  const port = await mesh.port(443);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/path', servername: host, ca: servers.pem, agent: false };
    const sent = httpsRequest({ ...options, headers: { host }, timeout: 10_000 }, (response) => {
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ body, serial }));
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
    sent.end();
  });
}

test('the gateway ends TLS with a Secret, which is renewed while it runs', { skip }, async () => {
  const first = await atGateway('site.example');
  assert.equal(first.body, 'the site');
  const renewed = secretOf(await leaf(servers, { dnsNames: ['site.example'] }));
  await mesh.apply(texts([kept('Secret', 'site', renewed, 'istio-system')]));
  const { serialNumber } = new X509Certificate(renewed['tls.crt']);
  assert.notEqual(first.serial, serialNumber);
  await until(
    async () => (await atGateway('site.example')).serial === serialNumber,
    () => 'the renewed certificate',
  );
});

test('the gateway hands TLS on unopened, by server name', { skip }, async () => {
  const { body } = await atGateway('server.example');
  assert.deepEqual(JSON.parse(body), { url: '/path', sni: 'server.example', client: '' });
});
