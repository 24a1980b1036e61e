import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT } from 'jose';
import { authenticate, checkClaim, type Authenticator, type Credentials } from './authenticate.ts';
import { openAuthority, type Authority } from './authority.ts';
import { issueWorkload } from './issue.ts';
import { isRefusal } from './refusal.ts';
import { openTokens, type Tokens } from './tokens.ts';
import { writeLeaf, writeRequest, type SubjectNames } from './x509.ts';

const trustDomain = 'cluster.local';
const reviews = { trustDomain, namespace: 'default', serviceAccount: 'reviews' };
const start = Date.parse('2030-01-01T00:00:00Z');

let state = '';
let authority: Authority;
let tokens: Tokens;
let by: Authenticator;
let clock = start;
before(async () => {
  state = await mkdtemp(join(tmpdir(), 'lateen-auth-'));
  const now = () => clock;
  authority = await openAuthority(state, { trustDomain, now });
  tokens = await openTokens(state, trustDomain, now);
  by = { bundle: authority.bundle, trustDomain, tokens, now };
});
after(() => rm(state, { recursive: true }));

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

async function certificateOf(id: typeof reviews): Promise<X509Certificate> {
  const issued = await issueWorkload(authority, await writeRequest(newKey()), id, 0, { now: () => clock });
  assert.ok(!isRefusal(issued));
  return new X509Certificate(issued.chain[0] ?? '');
}

/** A certificate of our own authority with any names: what a mistake elsewhere could have signed. */
async function named(names: SubjectNames, signer = authority.signer): Promise<X509Certificate> {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const dates = { notBefore: new Date(clock), notAfter: new Date(clock + 3_600_000) };
  return new X509Certificate(await writeLeaf(signer, { ...names, publicKey, ...dates }));
}

async function refused(credentials: Credentials, about: RegExp, authenticator = by) {
  const answer = await authenticate(credentials, authenticator);
  assert.ok(isRefusal(answer), JSON.stringify(answer));
  assert.equal(answer.refused, 'unauthenticated');
  assert.match(answer.message, about);
}

test('a certificate of ours names its peer', async () => {
  assert.deepEqual(await authenticate({ certificates: [await certificateOf(reviews)] }, by), reviews);
});

test('certificates that prove nothing are refused', async () => {
  const stranger = await mkdtemp(join(tmpdir(), 'lateen-auth-'));
  const elsewhere = await openAuthority(stranger, { trustDomain, now: () => clock });
  await rm(stranger, { recursive: true });
  const id = 'spiffe://cluster.local/ns/default/sa/reviews';
  await refused({ certificates: [await named({ uris: [id] }, elsewhere.signer)] }, /not issued by an authority/);
  await refused(
    { certificates: [await named({ uris: [id] }, elsewhere.signer), elsewhere.signer.certificate] },
    /not issued by an authority/,
  );
  // A leaf must not act as an authority.
  const leafKey = newKey();
  const leaf = await issueWorkload(authority, await writeRequest(leafKey), reviews, 0, { now: () => clock });
  assert.ok(!isRefusal(leaf));
  const below = { key: leafKey, certificate: new X509Certificate(leaf.chain[0] ?? '') };
  await refused({ certificates: [await named({ uris: [id] }, below), below.certificate] }, /not issued by an authority/);

  await refused({ certificates: [authority.signer.certificate] }, /authority's certificate is not an identity/);
  await refused({ certificates: [await named({ dnsNames: ['reviews.default.svc'] })] }, /exactly one URI/);
  await refused({ certificates: [await named({ uris: [id, `${id}2`] })] }, /exactly one URI/);
  await refused({ certificates: [await named({ uris: ['https://cluster.local/ns/a/sa/b'] })] }, /is not spiffe/);
  await refused({ certificates: [await named({ uris: ['spiffe://other.example/ns/a/sa/b'] })] }, /trust domain other\.example/);
});

test('a name made to look like several is one name', async () => {
  for (const trick of [
    'x, URI:spiffe://cluster.local/ns/a/sa/b',
    'x", URI:spiffe://cluster.local/ns/a/sa/b, DNS:"y',
    '\\", URI:spiffe://cluster.local/ns/a/sa/b,"',
  ]) {
    await refused({ certificates: [await named({ dnsNames: [trick] })] }, /exactly one URI/);
    await refused({ certificates: [await named({ uris: [trick] })] }, /is not spiffe/);
  }
});

test('certificates count while they are valid', async () => {
  const certificates = [await certificateOf(reviews)];
  clock = start - 3 * 60 * 1000;
  await refused({ certificates }, /not valid before/);
  clock = start + 25 * 3600 * 1000;
  await refused({ certificates }, /expired at 2030-01-02/);
  clock = start;
});

test('a token of ours names its peer, for its time', async () => {
  const token = await tokens.issue(reviews);
  assert.deepEqual(await authenticate({ authorization: `Bearer ${token.reveal()}` }, by), reviews);
  clock = start + 11 * 60 * 1000;
  await refused({ authorization: `Bearer ${token.reveal()}` }, /expired/);
  clock = start;
  assert.equal((await stat(join(state, 'ca/token-key.pem'))).mode & 0o777, 0o600);
  const again = await openTokens(state, trustDomain, () => clock);
  assert.deepEqual(await again.verify(token.reveal()), reviews);
  assert.notEqual(
    await readFile(join(state, 'ca/token-key.pem'), 'utf8'),
    await readFile(join(state, 'ca/root-key.pem'), 'utf8'),
  );
});

test('tokens that prove nothing are refused', async () => {
  const jwt = (key: KeyObject | Uint8Array, alg: string, claims: Record<string, unknown>) =>
    new SignJWT({
      iss: 'https://ca.cluster.local',
      aud: 'istio-ca',
      sub: 'system:serviceaccount:default:reviews',
      iat: start / 1000,
      exp: start / 1000 + 60,
      ...claims,
    })
      .setProtectedHeader({ alg })
      .sign(key);
  const { createPrivateKey, createPublicKey } = await import('node:crypto');
  const ours = createPrivateKey(await readFile(join(state, 'ca/token-key.pem')));
  const bearer = async (key: KeyObject | Uint8Array, alg: string, claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await jwt(key, alg, claims)}`,
  });
  assert.deepEqual(await authenticate(await bearer(ours, 'ES256'), by), reviews);
  await refused(await bearer(newKey(), 'ES256'), /not signed by this mesh/);
  // The public key as an HMAC secret: the classic confusion of algorithms.
  const publicPem = createPublicKey(ours).export({ format: 'pem', type: 'spki' });
  await refused(await bearer(Buffer.from(publicPem), 'HS256'), /not signed by this mesh/);
  await refused(await bearer(ours, 'ES256', { aud: 'other' }), /not signed by this mesh for istio-ca/);
  await refused(await bearer(ours, 'ES256', { iss: 'https://ca.other' }), /not signed by this mesh/);
  await refused(await bearer(ours, 'ES256', { exp: undefined }), /not signed by this mesh/);
  await refused(
    await bearer(ours, 'ES256', { sub: 'system:serviceaccount:default:reviews:admin' }),
    /does not name a service account/,
  );
  await refused(await bearer(ours, 'ES256', { sub: 'system:serviceaccount:a/sa/b:c' }), /does not name a service account/);
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  await refused({ authorization: `Bearer ${none}.e30.` }, /not signed by this mesh/);
  await refused({ authorization: 'Bearer' }, /not a bearer token/);
  await refused({ authorization: `Bearer ${'a'.repeat(9000)}` }, /above 8192 bytes/);
  await refused({ authorization: 'Basic dTpw' }, /not a bearer token/);
  await refused({}, /client certificate or a bearer token is needed/);
});

test('certificate and token must agree', async () => {
  const certificates = [await certificateOf(reviews)];
  const same = await tokens.issue(reviews);
  const other = await tokens.issue({ namespace: 'default', serviceAccount: 'ratings' });
  assert.deepEqual(await authenticate({ certificates, authorization: `bearer ${same.reveal()}` }, by), reviews);
  await refused({ certificates, authorization: `Bearer ${other.reveal()}` }, /name different identities/);
});

test("a claim of somebody else's identity is refused", () => {
  assert.equal(checkClaim(reviews, { namespace: 'default', serviceAccount: 'reviews' }), undefined);
  assert.equal(checkClaim(reviews, { namespace: 'default' }), undefined);
  assert.equal(checkClaim(reviews, {}), undefined);
  const refusal = checkClaim(reviews, { namespace: 'default', serviceAccount: 'productpage\n' });
  assert.equal(refusal?.refused, 'forbidden');
  assert.equal(
    refusal?.message,
    String.raw`the peer is spiffe://cluster.local/ns/default/sa/reviews and cannot speak as "productpage\n" in namespace "default"`,
  );
});
