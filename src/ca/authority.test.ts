import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { errorText } from '../api/coded-error.ts';
import { openAuthority, plugInAuthority } from './authority.ts';
import { AuthorityError } from './private-files.ts';
import { writeRoot } from './x509.ts';

const trustDomain = 'cluster.local';

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lateen-ca-'));
  context.after(() => rm(path, { recursive: true }));
  return path;
}

const refused = (code: string, about: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AuthorityError, String(error));
  assert.equal(error.code, code);
  assert.match(errorText(error), about);
  assert.notEqual(error.help, '');
  return true;
};

test('a first start makes a root that a second start finds', async (context) => {
  const state = await folder(context);
  const first = await openAuthority(state, { trustDomain });
  const root = first.signer.certificate;
  assert.equal(root.subject, 'O=cluster.local');
  assert.ok(root.ca && root.verify(root.publicKey) && root.checkIssued(root));
  const years = (root.validToDate.getTime() - root.validFromDate.getTime()) / (365 * 24 * 3600 * 1000);
  assert.equal(Math.round(years), 10);
  assert.equal((await stat(join(state, 'ca'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(state, 'ca/root-key.pem'))).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(join(state, 'ca'))).toSorted(), ['root-cert.pem', 'root-key.pem']);

  const second = await openAuthority(state, { trustDomain });
  assert.equal(second.signer.certificate.fingerprint256, root.fingerprint256);
});

test('processes that start at once get one root', async (context) => {
  const state = await folder(context);
  const roots = await Promise.all(Array.from({ length: 5 }, () => openAuthority(state, { trustDomain })));
  assert.equal(new Set(roots.map(({ signer }) => signer.certificate.fingerprint256)).size, 1);
  assert.equal((await readdir(join(state, 'ca'))).length, 2);
});

test('a start that was cut after the key goes on from it', async (context) => {
  const state = await folder(context);
  const before = await openAuthority(state, { trustDomain });
  await rm(join(state, 'ca/root-cert.pem'));
  const after = await openAuthority(state, { trustDomain });
  assert.ok(after.signer.certificate.checkPrivateKey(before.signer.key));
});

test('files that cannot be trusted are refused, and stay as they are', async (context) => {
  const state = await folder(context);
  await openAuthority(state, { trustDomain });
  const key = join(state, 'ca/root-key.pem');
  const certificate = join(state, 'ca/root-cert.pem');
  const good = await readFile(key, 'utf8');
  const goodCertificate = await readFile(certificate, 'utf8');

  await chmod(key, 0o640);
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0702', /root-key\.pem has mode 640.*chmod 600/));
  await chmod(key, 0o600);
  await chmod(join(state, 'ca'), 0o755);
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0702', /mode 755.*chmod 700/));
  await chmod(join(state, 'ca'), 0o700);

  await writeFile(key, 'not a key');
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0703', /root-key\.pem holds no readable private key/));
  assert.equal(await readFile(key, 'utf8'), 'not a key');
  await writeFile(key, good);

  await writeFile(certificate, goodCertificate.replace(/[A-Za-z]{20}/, 'A'.repeat(20)));
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0703', /root-cert\.pem/));

  const other = await folder(context);
  await openAuthority(other, { trustDomain });
  await writeFile(certificate, await readFile(join(other, 'ca/root-cert.pem')));
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0703', /not the key of/));

  await rm(key);
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0703', /root-key\.pem is missing/));
});

test('an expired root is refused', async (context) => {
  const state = await folder(context);
  await openAuthority(state, { trustDomain, now: () => 0 });
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0703', /expired at 1979/));
});

test('a folder that cannot be written is one clear error', async (context) => {
  const state = await folder(context);
  await writeFile(join(state, 'ca'), 'a file in the way');
  await assert.rejects(openAuthority(state, { trustDomain }), refused('LAT0701', /ca: /));
});

test("an authority in the files of Istio's cacerts is plugged in", async (context) => {
  const made = await openAuthority(await folder(context), { trustDomain });
  const plugged = await folder(context);
  const keyText = made.signer.key.export({ format: 'pem', type: 'pkcs8' });
  await writeFile(join(plugged, 'ca-key.pem'), keyText, { mode: 0o600 });
  await writeFile(join(plugged, 'ca-cert.pem'), made.bundle.pem);
  await writeFile(join(plugged, 'cert-chain.pem'), made.bundle.pem);
  await assert.rejects(plugInAuthority(plugged, { trustDomain }), refused('LAT0701', /root-cert\.pem is missing/));
  await writeFile(join(plugged, 'root-cert.pem'), made.bundle.pem);
  const authority = await plugInAuthority(plugged, { trustDomain });
  assert.deepEqual(authority.intermediates, []);
  assert.equal(authority.bundle.roots.length, 1);

  const stranger = await openAuthority(await folder(context), { trustDomain });
  await writeFile(join(plugged, 'root-cert.pem'), stranger.bundle.pem);
  await assert.rejects(plugInAuthority(plugged, { trustDomain }), refused('LAT0703', /does not lead to/));
});

test('a root over a given key carries what RFC 5280 asks of one', async (context) => {
  const state = await folder(context);
  await mkdir(join(state, 'x'));
  const { signer } = await openAuthority(state, { trustDomain });
  const subject = { organization: 'example.org', notBefore: new Date(0), notAfter: new Date(2 ** 41) };
  const root = new X509Certificate(await writeRoot(signer.key, subject));
  assert.equal(root.validToDate.getTime(), Math.floor(2 ** 41 / 1000) * 1000);
  const der = root.raw.toString('hex');
  // basicConstraints and keyUsage, both critical: CA:TRUE; keyCertSign and cRLSign.
  assert.ok(der.includes('0603551d130101ff040530030101ff'));
  assert.ok(der.includes('0603551d0f0101ff040403020106'));
});
