// Kubernetes' Ingress on a running mesh: the gateway that it needs, its paths and hosts, its certificate, its class.

import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import { writeLeaf, writeRoot } from '../../src/ca/x509.ts';
import { sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();
let mesh: RunningMesh;
let certificate: string;

const backend = (name: string, port: object) => ({ service: { name, port } });
const at = (path: string, pathType: string, to: object) => ({ path, pathType, backend: to });
const httpbin = backend('httpbin', { number: 8000 });
const helloworld = backend('helloworld', { name: 'http' });

const ingress = (spec: object) =>
  JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'site' }, spec }, undefined, 1);

const rules = [
  {
    host: 'site.example',
    http: { paths: [at('/status', 'Prefix', httpbin), at('/hello', 'Exact', helloworld), at('/headers', 'Exact', httpbin)] },
  },
];

before(async () => {
  if (skip !== false) return;
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const signer = { key, certificate: new X509Certificate(await writeRoot(key, { organization: 'site', ...validity })) };
  certificate = await writeLeaf(signer, { publicKey, dnsNames: ['site.example'], ...validity });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'site', namespace: 'istio-system' },
    stringData: { 'tls.crt': certificate, 'tls.key': privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() },
  };
  const ingressClass = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'mesh' },
    spec: { controller: 'istio.io/ingress-controller' },
  };
  mesh = await startMesh({
    files: [sample('httpbin/httpbin.yaml'), sample('helloworld/helloworld.yaml')],
    text: [JSON.stringify(secret), JSON.stringify(ingressClass)].join('\n---\n'),
  });
  await mesh.apply(ingress({ ingressClassName: 'mesh', tls: [{ hosts: ['site.example'], secretName: 'site' }], rules }));
});

after(() => mesh?.[Symbol.asyncDispose]());

const status = async (path: string, host = 'site.example') => (await mesh.get(path, { headers: { host } })).status;

test('an Ingress brings the gateway, which sends its paths to their services', { skip }, async () => {
  await until(
    async () => (await status('/headers')) === 200,
    () => `the gateway to serve the Ingress; it said:\n${mesh.log}`,
  );
  assert.match((await mesh.get('/hello', { headers: { host: 'site.example' } })).body, /Hello version/);
  assert.equal(await status('/status/418'), 418);
  // A prefix is of whole segments, and an exact path is itself alone.
  assert.equal(await status('/statuses'), 404);
  assert.equal(await status('/hello/again'), 404);
  assert.equal(await status('/headers', 'other.example'), 404);
});

test('its hosts are served with its certificate', { skip }, async () => {
  const port = await mesh.port(443);
  const answered = await new Promise<{ readonly status: number | undefined; readonly serial: string }>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/headers',
      servername: 'site.example',
      rejectUnauthorized: false,
      agent: false,
    };
    const sent = httpsRequest({ ...options, headers: { host: 'site.example' }, timeout: 10_000 }, (response) => {
      resolve({ status: response.statusCode, serial: (response.socket as TLSSocket).getPeerCertificate().serialNumber });
      response.resume();
    });
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error('no answer')));
    sent.end();
  });
  assert.deepEqual(answered, { status: 200, serial: new X509Certificate(certificate).serialNumber });
});

test('a default backend takes what no path does; an Ingress of another class is nobody’s here', { skip }, async () => {
  await mesh.apply(ingress({ ingressClassName: 'mesh', rules, defaultBackend: httpbin }));
  await until(
    async () => (await status('/get')) === 200 && (await status('/get', 'other.example')) === 200,
    () => 'the default backend',
  );
  await mesh.apply(ingress({ ingressClassName: 'others', rules, defaultBackend: httpbin }));
  await until(
    async () => (await status('/headers')) !== 200,
    () => 'the Ingress to be gone',
  );
});
