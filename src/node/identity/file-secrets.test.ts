import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdtemp, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { effect } from '@preact/signals-core';
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { writeLeaf, writeRoot } from '../../ca/x509.ts';
import { FileSecrets, type SecretTrouble } from './file-secrets.ts';
import type { ServedSecret } from './served-secret.ts';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyPem = (key: KeyObject) => key.export({ format: 'pem', type: 'sec1' }).toString();

async function newRoot() {
  const { privateKey: key } = newKeys();
  const pem = await writeRoot(key, { organization: 'test', ...validity });
  return { pem, key, certificate: new X509Certificate(pem) };
}

async function newPair() {
  const { publicKey, privateKey } = newKeys();
  return { pem: await writeLeaf(await newRoot(), { publicKey, dnsNames: ['server.example'], ...validity }), key: privateKey };
}

/** A folder with file secrets that read from it, what they open, and what they say. */
async function given(context: TestContext, systemRoots: readonly string[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'lateen-files-'));
  context.after(() => rm(folder, { recursive: true }));
  const opened: string[] = [];
  const troubles: SecretTrouble[] = [];
  let wake = Promise.withResolvers<void>();
  const stir = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const files = new FileSecrets({
    open(path) {
      opened.push(path);
      stir();
      return open(path);
    },
    onTrouble(trouble) {
      troubles.push(trouble);
      stir();
    },
    systemRoots: systemRoots.map((path) => join(folder, path)),
    lookEveryMs: 2,
  });
  /** Waits until something happened that makes it true: a file opened, trouble told, or a secret changed. */
  const until = async (holds: () => boolean) => {
    while (!holds()) await wake.promise;
  };
  const watch = (name: string) => {
    const seen: ServedSecret[] = [];
    const end = effect(() => {
      const { value } = files.secret(name);
      if (value !== undefined) seen.push(value);
      stir();
    });
    context.after(end);
    let taken = 0;
    /** The latest, once there is one that was not taken yet: it may have come before anybody waits. */
    const next = async () => {
      await until(() => seen.length > taken);
      taken = seen.length;
      return seen.at(-1);
    };
    return { seen, next, end };
  };
  /** Replaces a file in one step, as whoever renews certificates should. */
  const put = async (path: string, text: string | Buffer) => {
    const next = `${join(folder, path)}.new`;
    await writeFile(next, text);
    await rename(next, join(folder, path));
  };
  /** Waits until the files have been looked at so many times more. */
  const looks = async (count: number) => {
    const before = opened.length;
    await until(() => opened.length >= before + count);
  };
  return { folder, files, opened, troubles, watch, put, looks, until };
}

/** What Envoy reads from a secret. */
function contentOf(secret: ServedSecret | undefined): { readonly text: string; readonly key: string; readonly revoked: string } {
  const { type } = fromBinary(SecretSchema, secret?.bytes ?? new Uint8Array());
  const inline = (source: { specifier: { case?: string | undefined; value?: unknown } } | undefined) =>
    typeof source?.specifier.value === 'string' ? source.specifier.value : '';
  if (type.case === 'tlsCertificate')
    return { text: inline(type.value.certificateChain), key: inline(type.value.privateKey), revoked: '' };
  const trust = type.case === 'validationContext' ? type.value : undefined;
  return { text: inline(trust?.trustedCa), key: '', revoked: inline(trust?.crl) };
}

const serial = (secret: ServedSecret | undefined) => new X509Certificate(contentOf(secret).text).serialNumber;

test('names that say files, and none that do not', async (context) => {
  const { files, opened } = await given(context);
  const roots = ['file-root:system', 'file-root:/a/b c.pem', 'file-root:/a~b', 'file-root:/a~/b', 'file-root:system~/b'];
  for (const name of [...roots, 'file-cert:/a~/b']) assert.ok(files.serves(name), name);
  const wrong = ['file-root:', 'file-root:a', 'file-root:/a\nb', 'file-root:/a~/b\n', 'file-root:systems', 'file-root:system~b'];
  const others = ['default', ...wrong, 'file-cert:/a', 'file-cert:~', 'file-cert:/a~b'];
  for (const name of [...others, 'file-cert:/a~/b~/c', 'kubernetes://a']) assert.ok(!files.serves(name), name);
  // Nobody has asked for any.
  assert.equal(files.secret('file-root:/a').peek(), undefined);
  assert.deepEqual(opened, []);
});

test('authorities from a file: read when asked for, again when the file changes, no more when nobody asks', async (context) => {
  const { folder, put, watch, opened, looks, files, troubles } = await given(context);
  const [one, two] = [await newRoot(), await newRoot()];
  const crl = '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n';
  await put('ca.pem', `# ours\n${one.pem}${crl}${keyPem(one.key)}`);
  const name = `file-root:${folder}/ca.pem`;
  const watching = watch(name);
  const first = await watching.next();
  assert.equal(contentOf(first).text, `${one.pem.trim()}\n${crl}`);

  const other = watch(name);
  assert.equal(other.seen[0], first);
  other.end();

  await looks(3);
  assert.equal(watching.seen.length, 1);
  await put('ca.pem', one.pem + two.pem);
  const second = await watching.next();
  assert.ok(contentOf(second).text.includes(two.pem.trim()));
  assert.notEqual(second?.version, first?.version);

  watching.end();
  const read = opened.length;
  await put('ca.pem', two.pem);
  const again = watch(name);
  // Forgotten in between: what is there now, not what was there.
  assert.equal(again.seen.length, 0);
  assert.equal(contentOf(await again.next()).text.trim(), two.pem.trim());
  assert.ok(opened.length > read);
  again.end();
  assert.equal(files.secret(name).peek(), undefined);
  assert.deepEqual(troubles, []);
});

test('authorities with a list of what they take back: each read again when it changes, and neither served without the other', async (context) => {
  const { folder, put, watch, troubles, until } = await given(context, ['system.pem']);
  const { pem } = await newRoot();
  const list = (text: string) => `-----BEGIN X509 CRL-----\n${text}\n-----END X509 CRL-----\n`;
  await put('ca.pem', pem);
  await put('crl.pem', pem);
  const watching = watch(`file-root:${folder}/ca.pem~${folder}/crl.pem`);
  await until(() => troubles.length > 0);
  assert.match(troubles[0]?.message ?? '', /crl\.pem is not usable: there is no list of revoked certificates in it/);
  assert.equal(watching.seen.length, 0);

  await put('crl.pem', `# ours\n${list('AAAA')}`);
  const first = await watching.next();
  assert.equal(contentOf(first).text.trim(), pem.trim());
  assert.equal(contentOf(first).revoked, list('AAAA'));
  await put('crl.pem', list('BBBB') + list('CCCC'));
  const second = await watching.next();
  assert.equal(contentOf(second).revoked, list('BBBB') + list('CCCC'));
  assert.notEqual(second?.version, first?.version);

  await put('system.pem', pem);
  const system = await watch(`file-root:system~${folder}/crl.pem`).next();
  assert.equal(contentOf(system).text.trim(), pem.trim());
  assert.equal(contentOf(system).revoked, list('BBBB') + list('CCCC'));
});

test('a certificate with its key: both renewed together, and versions that are of the certificate alone', async (context) => {
  const { folder, put, watch, looks, troubles, until } = await given(context);
  const [one, two] = [await newPair(), await newPair()];
  await put('tls.crt', one.pem);
  await put('tls.key', keyPem(one.key));
  const watching = watch(`file-cert:${folder}/tls.crt~${folder}/tls.key`);
  const first = await watching.next();
  assert.equal(serial(first), new X509Certificate(one.pem).serialNumber);
  assert.match(contentOf(first).key, /BEGIN PRIVATE KEY/);

  // The same key in another form is no change that anybody should see.
  await put('tls.key', one.key.export({ format: 'pem', type: 'pkcs8' }).toString());
  await looks(6);
  assert.equal(watching.seen.length, 1);

  await put('tls.crt', two.pem);
  await until(() => troubles.length > 0);
  assert.equal(watching.seen.length, 1);
  assert.match(
    troubles[0]?.message ?? '',
    /^secret file-cert:.*the key in .*tls\.key is not that of.*the last good one is kept$/,
  );
  await put('tls.key', keyPem(two.key));
  assert.equal(serial(await watching.next()), new X509Certificate(two.pem).serialNumber);
});

test('what is missing or broken is told once, and served when it is right', async (context) => {
  const { folder, put, watch, looks, troubles, until } = await given(context);
  const watching = watch(`file-root:${folder}/ca.pem`);
  const told = async (count: number, pattern: RegExp) => {
    await until(() => troubles.length >= count);
    await looks(4);
    assert.equal(troubles.length, count);
    const { name, message, help } = troubles.at(-1) ?? {};
    assert.equal(name, `file-root:${folder}/ca.pem`);
    assert.match(message ?? '', pattern);
    assert.ok(message?.includes(`${folder}/ca.pem`));
    assert.ok((help ?? '') !== '');
  };
  await told(1, /cannot be opened: ENOENT.*what needs it cannot connect$/);
  await put('ca.pem', 'no certificates at all');
  await told(2, /there is no PEM certificate/);
  await put('ca.pem', '-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n');
  await told(3, /certificate 1 cannot be read/);
  await put('ca.pem', Buffer.alloc(1024 * 1024 + 1, 'x'));
  await told(4, /is above 1048576 bytes/);
  await symlink(folder, join(folder, 'link'));
  await rename(join(folder, 'link'), join(folder, 'ca.pem'));
  await told(5, /is not a file/);
  assert.equal(watching.seen.length, 0);

  const { pem } = await newRoot();
  await put('ca.pem', pem);
  assert.equal(contentOf(await watching.next()).text.trim(), pem.trim());
  await rm(join(folder, 'ca.pem'));
  await told(6, /the last good one is kept$/);
  assert.equal(watching.seen.length, 1);
});

test('what is missing is told to each workload that asks, whoever else does, and to one that asks anew', async (context) => {
  const [one, other] = [await given(context), await given(context)];
  const name = 'file-root:/nowhere/ca.pem';
  const first = one.watch(name);
  // As two streams of one Envoy do: the second goes, and asks again, before anything was told.
  const second = one.watch(name);
  second.end();
  const third = one.watch(name);
  other.watch(name);
  await one.until(() => one.troubles.length > 0);
  await other.until(() => other.troubles.length > 0);
  await one.looks(4);
  assert.deepEqual([one.troubles.length, other.troubles.length], [1, 1]);
  first.end();
  third.end();
  one.watch(name);
  await one.until(() => one.troubles.length === 2);
  assert.equal(one.troubles[1]?.message, one.troubles[0]?.message);
});

test('what is said of a key that cannot be read holds nothing of it', async (context) => {
  const { folder, put, watch, troubles, until } = await given(context);
  await put('tls.crt', (await newPair()).pem);
  await put('tls.key', '-----BEGIN PRIVATE KEY-----\nsesame\n-----END PRIVATE KEY-----\n');
  watch(`file-cert:${folder}/tls.crt~${folder}/tls.key`);
  await until(() => troubles.length > 0);
  assert.match(troubles[0]?.message ?? '', /tls\.key is not usable: there is no private key in it/);
  assert.ok(!JSON.stringify(troubles).includes('sesame'));
});

test("the machine's own authorities: the first list that is there, and what to do where there is none", async (context) => {
  const { put, watch, until, troubles, opened } = await given(context, ['first.pem', 'second.pem']);
  const watching = watch('file-root:system');
  await until(() => troubles.length > 0);
  assert.match(troubles[0]?.message ?? '', /none of .*first\.pem, .*second\.pem can be read/);
  assert.match(troubles[0]?.help ?? '', /ca-certificates/);
  const [one, two] = [await newRoot(), await newRoot()];
  await put('second.pem', two.pem);
  assert.equal(contentOf(await watching.next()).text.trim(), two.pem.trim());
  await put('first.pem', one.pem);
  assert.equal(contentOf(await watching.next()).text.trim(), one.pem.trim());
  // It is this machine's, not the workload's, to open.
  assert.deepEqual(opened, []);
});
