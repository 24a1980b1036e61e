import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { openAuthority, plugInAuthority, type Authority } from './authority.ts';
import { controlPlaneNames, issueServer, issueWorkload, type Issued } from './issue.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { writeRequest } from './x509.ts';

const id = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };
const hour = 3600;
const opensslProgram = 'openssl';
const hasOpenssl = spawnSync(opensslProgram, ['version']).status === 0;
const run = promisify(execFile);

let state = '';
let authority: Authority;
before(async () => {
  state = await mkdtemp(join(tmpdir(), 'lateen-issue-'));
  authority = await openAuthority(state, { trustDomain: 'cluster.local' });
});
after(() => rm(state, { recursive: true }));

function issued(answer: Issued | Refusal): Issued & { leaf: X509Certificate } {
  assert.ok(!isRefusal(answer), JSON.stringify(answer));
  return { ...answer, leaf: new X509Certificate(answer.chain[0] ?? '') };
}

function refusedFor(answer: Issued | Refusal, about: RegExp) {
  assert.ok(isRefusal(answer));
  assert.match(answer.message, about);
}

const elliptic = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;

test('a workload gets a certificate of its identity alone', async () => {
  const key = elliptic('P-256');
  const now = Date.parse('2030-01-01T00:00:00Z');
  const { leaf, chain, notAfter, serial } = issued(
    await issueWorkload(authority, await writeRequest(key), id, 0, { now: () => now }),
  );
  const [root] = authority.bundle.roots;
  assert.ok(root && leaf.checkIssued(root) && leaf.verify(root.publicKey));
  assert.ok(leaf.checkPrivateKey(key));
  assert.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/reviews');
  assert.equal(leaf.subject, undefined);
  assert.equal(leaf.ca, false);
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.equal(leaf.validFromDate.toISOString(), '2029-12-31T23:58:00.000Z');
  assert.equal(leaf.validToDate.getTime(), now + 24 * hour * 1000);
  assert.deepEqual(notAfter, leaf.validToDate);
  assert.equal(serial, leaf.serialNumber);
  assert.equal(chain.length, 1);
  // Critical alternative name, since the subject is empty (RFC 5280 §4.2.1.6).
  assert.ok(leaf.raw.toString('hex').includes('0603551d110101ff'));
});

test('P-384 and RSA keys are taken, weak ones are not', async () => {
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
  for (const key of [elliptic('P-384'), rsa(2048)]) {
    const { leaf } = issued(await issueWorkload(authority, await writeRequest(key), id));
    assert.ok(leaf.publicKey.equals(createPublicKey(key)));
  }
  refusedFor(await issueWorkload(authority, await writeRequest(rsa(1024)), id), /P-256 or P-384, or RSA/);
});

test('every certificate has a serial of its own', async () => {
  const request = await writeRequest(elliptic('P-256'));
  const serials = new Set<string>();
  for (let count = 0; count < 20; count++) serials.add(issued(await issueWorkload(authority, request, id)).serial);
  assert.equal(serials.size, 20);
});

test('lifetimes are bounded, and no leaf outlives its signer', async () => {
  const request = await writeRequest(elliptic('P-256'));
  const seconds = async (wish: number, now: number) => {
    const { leaf } = issued(await issueWorkload(authority, request, id, wish, { now: () => now }));
    return (leaf.validToDate.getTime() - now) / 1000;
  };
  const now = Math.ceil(Date.now() / 1000) * 1000;
  assert.equal(await seconds(hour, now), hour);
  assert.equal(await seconds(90 * 24 * hour, now), 90 * 24 * hour);
  refusedFor(await issueWorkload(authority, request, id, 91 * 24 * hour), /above the longest/);
  refusedFor(await issueWorkload(authority, request, id, -1), /not a number of seconds/);
  refusedFor(await issueWorkload(authority, request, id, Number.NaN), /not a number of seconds/);
  const end = authority.signer.certificate.validToDate.getTime();
  assert.equal(await seconds(24 * hour, end - 60_000), 60);
  refusedFor(await issueWorkload(authority, request, id, 0, { now: () => end + 1000 }), /has expired/);
});

test('a request that its sender cannot have signed is refused', async () => {
  const request = await writeRequest(elliptic('P-256'));
  const der = Buffer.from(request.split('\n').slice(1, -2).join(''), 'base64');
  // One bit of the public key, far from any length or object identifier.
  const at = der.length - 120;
  der[at] = (der[at] ?? 0) ^ 1;
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.ok(isRefusal(await issueWorkload(authority, forged, id)));
  refusedFor(await issueWorkload(authority, 'x'.repeat(20_000), id), /above 16384 bytes/);
  refusedFor(await issueWorkload(authority, '', id), /not one PEM block/);
  refusedFor(await issueWorkload(authority, request + request, id), /not one PEM block/);
});

test('damage to a request never gets another key signed', async () => {
  const key = elliptic('P-256');
  const request = await writeRequest(key);
  const der = Buffer.from(request.split('\n').slice(1, -2).join(''), 'base64');
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(20), async (at, flip, cut) => {
      const bytes = Buffer.from(der.subarray(0, der.length - cut));
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      const text = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
      const answer = await issueWorkload(authority, text, id);
      // The decoder forgives some lengths around what is signed; the proof of the key is then still whole.
      if (!isRefusal(answer)) assert.ok(issued(answer).leaf.checkPrivateKey(key));
    }),
    { numRuns: 100 },
  );
});

test('another trust domain is not ours to issue for', async () => {
  const request = await writeRequest(elliptic('P-256'));
  refusedFor(await issueWorkload(authority, request, { ...id, trustDomain: 'other.example' }), /issues for cluster\.local/);
});

test('the control plane gets names and addresses', async () => {
  const server = await issueServer(authority, { dnsNames: ['control.example'], addresses: ['10.1.2.3'] });
  const { leaf } = issued(server);
  for (const name of [...controlPlaneNames, 'control.example']) assert.equal(leaf.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1', '10.1.2.3']) assert.equal(leaf.checkIP(address), address);
  assert.ok(!isRefusal(server));
  assert.match(server.key.reveal(), /BEGIN PRIVATE KEY/);
  assert.equal(JSON.stringify(server.key), '"[redacted]"');
});

test(
  'OpenSSL agrees, with an RSA authority between root and leaf, and ignores names in a request',
  { skip: !hasOpenssl && 'no openssl' },
  async () => {
    const path = (name: string) => join(state, name);
    const openssl = async (words: string) => (await run(opensslProgram, words.split(' '), { cwd: state })).stdout;
    const root = '-keyout far.key -out root-cert.pem -subj /CN=Far -addext keyUsage=critical,keyCertSign';
    await openssl(`req -x509 -newkey rsa:2048 -nodes -days 30 ${root}`);
    await openssl('req -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.csr -utf8 -subj /O=Zwischen/CN=Stelle-ä');
    const rights = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'];
    await writeFile(path('ca.ext'), rights.join('\n'));
    const above = '-CA root-cert.pem -CAkey far.key -CAcreateserial -days 20 -extfile ca.ext';
    await openssl(`x509 -req -in ca.csr -out ca-cert.pem ${above}`);
    const plugged = await plugInAuthority(state, { trustDomain: 'cluster.local' });
    assert.equal(plugged.intermediates.length, 1);

    const names = '-subj /CN=admin -addext subjectAltName=URI:spiffe://cluster.local/ns/kube-system/sa/admin';
    await openssl(`req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr ${names}`);
    const request = await readFile(path('leaf.csr'), 'utf8');
    const { chain, leaf, notAfter } = issued(await issueWorkload(plugged, request, id, 30 * 24 * hour));
    assert.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/reviews');
    assert.deepEqual(notAfter, plugged.signer.certificate.validToDate);
    await writeFile(path('leaf.pem'), chain[0] ?? '');
    await writeFile(path('links.pem'), chain.slice(1).join(''));
    for (const purpose of ['sslclient', 'sslserver']) {
      const trust = '-CAfile root-cert.pem -untrusted links.pem leaf.pem';
      assert.match(await openssl(`verify -x509_strict -purpose ${purpose} ${trust}`), /leaf\.pem: OK/);
    }
  },
);
