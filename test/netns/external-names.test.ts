// Hosts outside the mesh by name, in a whole mesh: each has an address of its own, its proxy finds the real one, and two databases on
// one port are never taken for each other.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { writeRoot } from '../../src/ca/x509.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Speaks first, as databases and mail servers do, and waits for nothing. */
const speaksFirst = (name: string, port: number) => [
  node,
  '-e',
  `require('node:net').createServer((s) => { s.on('error', () => {}); s.write('${name}\\n'); }).listen(${port})`,
];

const pod = (name: string, command: readonly string[], port: number, meshed = false) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, ...(!meshed && { 'sidecar.istio.io/inject': 'false' }) } },
  spec: { containers: [{ name: 'main', image: 'curlimages/curl', command, ports: [{ containerPort: port }] }] },
});

const service = (name: string, port: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [port] },
});

const entry = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name, ...metadata },
  spec,
});

const texts = (documents: readonly object[]): string =>
  documents.map((each) => JSON.stringify(each, undefined, 1)).join('\n---\n');

const database = [{ number: 5432, name: 'tcp', protocol: 'TCP' }];
const named = (name: string) => ({
  hosts: [`${name}.example`],
  resolution: 'DNS',
  ports: database,
  endpoints: [{ address: `${name}.default.svc.cluster.local` }],
});

const sleeping = ['sleep', 'infinity'];
let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({
    text: texts([
      ...['orders', 'users'].flatMap((name) => [
        pod(name, speaksFirst(name, 5432), 5432),
        service(name, { name: 'tcp', port: 5432 }),
        entry(name, named(name)),
      ]),
      pod('caller', sleeping, 1, true),
      pod('outside', sleeping, 1),
    ]),
  });
});

after(async () => mesh?.[Symbol.asyncDispose]());

/** What a server says first, to a program that says nothing. */
const greeting = (from: string, host: string, port = 5432): Promise<string> =>
  mesh.exec(from, [
    node,
    '-e',
    `const s = require('node:net').connect({ host: '${host}', port: ${port} });
     s.setTimeout(8000, () => { console.log('nothing'); s.destroy(); });
     s.once('data', (d) => { process.stdout.write(d); s.destroy(); }).on('error', (e) => console.log(e.code));`,
  ]);

const addressOf = async (from: string, host: string): Promise<string> =>
  (await mesh.exec(from, [node, '-e', `require('node:dns').lookup('${host}', 4, (e, a) => console.log(e ? e.code : a))`])).trim();

test('two databases on one port are each reached by name, at addresses of their own', { skip }, async () => {
  for (const name of ['orders', 'users']) {
    await until(
      async () => (await greeting('caller', `${name}.example`)) === `${name}\n`,
      () => `${name}.example to greet`,
    );
    assert.match(await addressOf('caller', `${name}.example`), /^240\.240\./);
  }
  assert.notEqual(await addressOf('caller', 'orders.example'), await addressOf('caller', 'users.example'));
});

test('another host moves no address, and has one of its own', { skip }, async () => {
  const before = await addressOf('caller', 'orders.example');
  await mesh.apply(texts([entry('third', { ...named('users'), hosts: ['third.example'] })]));
  await until(
    async () => (await greeting('caller', 'third.example')) === 'users\n',
    () => 'the third host to greet',
  );
  assert.equal(await addressOf('caller', 'orders.example'), before);
  assert.equal(await greeting('caller', 'orders.example'), 'orders\n');
});

test('a pod without a proxy gets the address that is really there, or none', { skip }, async () => {
  const { address } = await mesh.pod('users');
  await mesh.apply(
    texts([entry('static', { hosts: ['static.example'], resolution: 'STATIC', ports: database, endpoints: [{ address }] })]),
  );
  await until(
    async () => (await addressOf('caller', 'static.example')).startsWith('240.240.'),
    () => 'the host to have an address of its own',
  );
  assert.equal(await addressOf('outside', 'static.example'), address);
  assert.equal(await greeting('outside', 'static.example'), 'users\n');
  assert.doesNotMatch(await addressOf('outside', 'orders.example'), /^240/);
});

test('hosts under a wildcard are looked up as they are called, and called at the port of their service', { skip }, async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const cert = await writeRoot(privateKey, { organization: 'wild', ...validity });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const program = `
    require('node:http').createServer((q, s) => s.end('plain ' + q.headers.host)).listen(8080);
    require('node:tls').createServer(${JSON.stringify({ key, cert })}, (s) => s.end('tls ' + s.servername)).listen(8443);`;
  await mesh.apply(texts([pod('wild', [node, '-e', program], 8080)]));
  const { address } = await until(
    async () => (await mesh.pods()).find(({ name, address: at }) => name === 'wild' && at),
    () => 'the server outside to have an address',
  );
  const ports = [
    { number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 },
    { number: 443, name: 'tls', protocol: 'TLS', targetPort: 8443 },
  ];
  await mesh.apply(
    texts([
      // What DNS outside would know: a name that no caller has a service for.
      entry('zone', { hosts: ['a.wild.example'], addresses: [address], ports, exportTo: ['nobody'] }),
      entry('wild', { hosts: ['*.wild.example'], resolution: 'DYNAMIC_DNS', ports }),
    ]),
  );
  await until(
    async () => (await mesh.curl('caller', 'http://a.wild.example/')).body === 'plain a.wild.example',
    () => 'the host under the wildcard to answer',
  );
  const elsewhere = await mesh.curl('caller', '-H', 'Host: a.wild.example:22', 'http://a.wild.example/');
  assert.deepEqual(elsewhere, { status: 200, body: 'plain a.wild.example:22' });
  assert.equal((await mesh.curl('caller', 'http://nobody.wild.example/')).status, 503);

  const handed = await mesh.exec('caller', [
    node,
    '-e',
    `require('node:tls').connect({ host: 'a.wild.example', port: 443, servername: 'a.wild.example', rejectUnauthorized: false })
       .on('data', (d) => process.stdout.write(d)).on('error', (e) => console.log(e.code));`,
  ]);
  assert.equal(handed, 'tls a.wild.example');
});
