// HTTP/3 from the host: datagrams to the ingress gateway's published port, and what of their way it tells and holds.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from '../support/ask.ts';
import { authority, leaf, secretOf, type TestAuthority } from '../support/certificates.ts';
import { http3Client } from '../support/http3-client.ts';
import { kept, networking, texts } from '../support/manifests.ts';
import { startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

let mesh: RunningMesh;
let trusted: TestAuthority;

const server = (number: number, name: string, protocol: string) => ({
  port: { number, name, protocol },
  hosts: ['site.example'],
  tls: { mode: 'SIMPLE', credentialName: 'site' },
});
const gateway = (...servers: readonly object[]) =>
  networking('Gateway', 'edge', { selector: { istio: 'ingressgateway' }, servers });

before(async () => {
  if (skip !== false) return;
  trusted = await authority('trusted');
  const documents = [
    kept('Secret', 'site', secretOf(await leaf(trusted, { dnsNames: ['site.example'] })), 'istio-system'),
    gateway(server(443, 'https', 'HTTPS'), server(443, 'http3', 'HTTP3')),
    networking('VirtualService', 'site', {
      hosts: ['site.example'],
      gateways: ['edge'],
      http: [
        { match: [{ uri: { prefix: '/large' } }], directResponse: { status: 200, body: { string: 'x'.repeat(500_000) } } },
        { directResponse: { status: 200, body: { string: 'the site' } } },
      ],
    }),
  ];
  mesh = await startMesh({ text: texts(documents) });
});

after(() => mesh?.[Symbol.asyncDispose]());

test('a client of HTTP/3 is served at the number of HTTPS, in large answers and many at once', { skip }, async () => {
  const port = await mesh.port('443/udp');
  assert.equal(port, await mesh.port(443));
  await using client = await http3Client(port, 'site.example', trusted.pem);
  const ask = (path: string) => request(`http://127.0.0.1:${client.port}${path}`, { headers: { host: 'site.example' } });
  const first = await ask('/');
  assert.deepEqual([first.status, first.body], [200, 'the site']);
  assert.equal((await ask('/large')).body.length, 500_000);
  const many = await Promise.all(Array.from({ length: 50 }, () => ask('/')));
  assert.ok(many.every(({ status }) => status === 200));
  assert.ok((await client.stat('cluster.quic.upstream_cx_http3_total')) > 0);

  await using another = await http3Client(port, 'site.example', trusted.pem);
  const told = await request(`http://127.0.0.1:${another.port}/`, { headers: { host: 'site.example' } });
  assert.equal(told.body, 'the site');
});

test('the port for datagrams goes with its server, and comes again', { skip }, async () => {
  const published = async () =>
    Object.keys((await mesh.status()).addresses).includes('istio-system/istio-ingressgateway:443/udp');
  await mesh.apply(texts([gateway(server(443, 'https', 'HTTPS'))]));
  await until(
    async () => !(await published()),
    () => 'the port to be let go',
  );
  await mesh.apply(texts([gateway(server(443, 'https', 'HTTPS'), server(443, 'http3', 'HTTP3'))]));
  await until(published, () => 'the port to be published');
  await using client = await http3Client(await mesh.port('443/udp'), 'site.example', trusted.pem);
  await until(
    async () => (await request(`http://127.0.0.1:${client.port}/`, { headers: { host: 'site.example' } })).status === 200,
    () => 'an answer',
  );
});
