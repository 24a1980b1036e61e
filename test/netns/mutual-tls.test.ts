// Mutual TLS on the wire: what goes between meshed pods is TLS, the server knows its caller, and STRICT takes nobody without a certificate.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { node, sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { Peers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { readWire, tlsRecords, type Flow } from '../support/wire.ts';

const skip = whyNoMesh();
const skipWire = skip || (process.getuid?.() === 0 ? false : 'a packet socket in the sandbox needs root');

const plain = `
apiVersion: v1
kind: Pod
metadata:
  name: plain
  labels:
    sidecar.istio.io/inject: "false"
spec:
  containers:
  - name: plain
    image: curlimages/curl
    command: ["/bin/sleep", "infinity"]
`;

let mesh: RunningMesh;
let httpbin: string;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({
    files: [sample('httpbin/httpbin.yaml'), sample('curl/curl.yaml'), sample('tcp-echo/tcp-echo-services.yaml')],
    text: plain,
  });
  httpbin = (await mesh.pod('httpbin')).address;
});

after(() => mesh?.[Symbol.asyncDispose]());

const ask = (from: string, ...args: string[]) => mesh.curl(from, ...args, '-H', 'x-word: open-sesame');
const toOrFrom = (flow: Flow, pod: string) => flow.from.startsWith(`${pod}:`) || flow.to.startsWith(`${pod}:`);

test('between meshed pods every byte is TLS; from a pod outside the mesh it is not', { skip: skipWire }, async () => {
  const curl = (await mesh.pod('curl')).address;
  const outside = (await mesh.pod('plain')).address;
  await using wire = await readWire(mesh);
  const between = (a: string) => wire.flows().filter((flow) => toOrFrom(flow, a) && toOrFrom(flow, httpbin));
  assert.equal((await ask('curl', 'http://httpbin:8000/headers')).status, 200);
  assert.equal((await ask('plain', 'http://httpbin:8000/headers')).status, 200);
  await until(
    () => between(curl).length >= 2 && between(outside).length >= 2,
    () => 'what both pods said',
  );

  const meshed = between(curl);
  for (const { from, to, bytes } of meshed) {
    assert.ok(tlsRecords(bytes)?.includes(23), `${from} to ${to}: ${bytes.subarray(0, 40).toString('latin1')}`);
    assert.ok(!bytes.includes('open-sesame'));
  }
  assert.ok(meshed.some(({ to }) => to === `${httpbin}:8080`));
  // The same reader sees plaintext where there is some.
  assert.ok(between(outside).some(({ to, bytes }) => to.startsWith(httpbin) && bytes.includes('open-sesame')));
});

test('the server is told who calls', { skip }, async () => {
  const { body } = await ask('curl', 'http://httpbin:8000/headers');
  const { headers } = JSON.parse(body) as { headers: Record<string, string[]> };
  const [told = ''] = headers['X-Forwarded-Client-Cert'] ?? [];
  assert.match(told, /By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/httpbin;/);
  assert.match(told, /Hash=[0-9a-f]{64};/);
  assert.match(told, /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/curl$/);
  // A caller cannot say so itself.
  const forged = await ask('plain', '-H', `x-forwarded-client-cert: ${told}`, 'http://httpbin:8000/headers');
  assert.equal(forged.status, 200);
  assert.doesNotMatch(forged.body, /X-Forwarded-Client-Cert/i);
});

test('STRICT: nobody without a certificate of this mesh', { skip }, async (t) => {
  t.after(() => mesh.delete(sample('security/peer-authentication-strict.yaml')));
  await mesh.apply(sample('security/peer-authentication-strict.yaml'));
  // Connected, then cut off: in the handshake, while sending or while waiting for the answer, as it happens.
  const broken = /^curl: \((?:16|35|52|55|56)\)/;
  const refused = async (what: string, ...args: string[]) => {
    const { status, body } = await ask('plain', ...args);
    assert.equal(status, 0, `${what}: ${status} ${body}`);
    return body;
  };
  await until(
    async () => (await ask('plain', 'http://httpbin:8000/headers')).status === 0,
    () => 'a refusal',
  );
  assert.match(await refused('plaintext to the service', 'http://httpbin:8000/headers'), broken);
  assert.match(await refused('plaintext to the pod', `http://${httpbin}:8080/headers`), broken);
  assert.match(await refused('TLS without a certificate', '-k', `https://${httpbin}:8080/headers`), broken);

  // The right name, signed by somebody else.
  const peers = await Peers.create();
  const { certificate, key } = await peers.leaf('spiffe://cluster.local/ns/default/sa/curl');
  const pair = ['--cert', mesh.write('cert.pem', certificate), '--key', mesh.write('key.pem', key)];
  assert.match(await refused('another root', '-k', ...pair, `https://${httpbin}:8080/headers`), broken);

  const tcp = await mesh.exec('plain', [
    node,
    '-e',
    `const s = require('node:net').connect(9000, 'tcp-echo', () => s.write('hello there\\n'));
     s.on('data', (d) => { console.log('answer ' + d); s.destroy(); }).on('end', () => console.log('closed')).on('error', (e) => console.log(e.code));`,
  ]);
  assert.match(tcp, /^(closed|ECONNRESET)/);

  // Those of the mesh go on.
  assert.equal((await ask('curl', 'http://httpbin:8000/headers')).status, 200);
});

test('status shows each identity and that its certificate holds', { skip }, async () => {
  const { workloads } = await mesh.status();
  const meshed = workloads.filter(({ identity }) => identity !== '');
  assert.deepEqual(
    meshed.map(({ identity }) => identity).toSorted((a, b) => a.localeCompare(b)),
    ['curl', 'default', 'default', 'httpbin'].map((account) => `spiffe://cluster.local/ns/default/sa/${account}`),
  );
  for (const { certificateExpires } of meshed) assert.ok(Date.parse(certificateExpires) > Date.now() + 23 * 3_600_000);
});
