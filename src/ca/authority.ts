// The certificate authority's own key and certificate: made on first start, read on every other, or plugged in. Issues by issue.ts.

import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isSelfSigned, parseCertificates, trustBundle, type TrustBundle } from './bundle.ts';
import { verifyChain } from './chain.ts';
import { AuthorityError, createOnce, privateFolder, readIfThere } from './private-files.ts';
import { isRefusal } from './refusal.ts';
import { isTrustDomain } from './spiffe.ts';
import { writeRoot, type Signer } from './x509.ts';

export interface Authority {
  readonly trustDomain: string;
  /** What signs leaves: the root itself, or a plugged-in intermediate. */
  readonly signer: Signer;
  /** Between leaf and root, the signer's certificate first; empty when the root signs. */
  readonly intermediates: readonly X509Certificate[];
  readonly bundle: TrustBundle;
}

export interface AuthorityOptions {
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const day = 24 * 60 * 60 * 1000;
/** Istio's CITADEL_SELF_SIGNED_CA_CERT_TTL. */
const rootLife = 3650 * day;

const generate = promisify(generateKeyPair);

/**
 * The self-signed authority kept in `STATE/ca`: `root-key.pem` (mode 0600) and `root-cert.pem`, made when both are absent.
 * Two processes that start at once get the same root. Throws AuthorityError where the files cannot be trusted; they are
 * never overwritten.
 */
export async function openAuthority(stateFolder: string, options: AuthorityOptions): Promise<Authority> {
  const { trustDomain, now = Date.now } = options;
  if (!isTrustDomain(trustDomain)) throw new TypeError(`${JSON.stringify(trustDomain)} is no trust domain`);
  const folder = join(stateFolder, 'ca');
  await privateFolder(folder);
  const keyPath = join(folder, 'root-key.pem');
  const certificatePath = join(folder, 'root-cert.pem');

  let keyText = await readIfThere(keyPath, true);
  let certificateText = await readIfThere(certificatePath, false);
  if (keyText === undefined) {
    if (certificateText !== undefined) {
      throw new AuthorityError(
        'LAT0703',
        `${keyPath} is missing beside its certificate`,
        `restore it, or move ${folder} away to begin a new root`,
      );
    }
    keyText = await createOnce(keyPath, await newKey(), 0o600);
  }
  const key = readKey(keyPath, keyText);
  // A first start that was cut between the two files left a key that has signed nothing: it gets its certificate now.
  certificateText ??= await createOnce(certificatePath, await newRoot(key, trustDomain, now()), 0o644);
  const [certificate] = readCertificates(certificatePath, certificateText);

  const signer = checkedSigner({ keyPath, key }, { certificatePath, certificate }, now());
  if (!isSelfSigned(certificate)) {
    throw new AuthorityError(
      'LAT0703',
      `${certificatePath} is not self-signed`,
      'use a folder with ca-cert.pem for an intermediate authority',
    );
  }
  return { trustDomain, signer, intermediates: [], bundle: trustBundle([certificate]) };
}

/**
 * An authority of somebody else's, by the names of Istio's `cacerts` secret: `ca-cert.pem`, `ca-key.pem`,
 * `root-cert.pem` and, where the signer is not right under the root, `cert-chain.pem`. Nothing is written.
 */
export async function plugInAuthority(folder: string, options: AuthorityOptions): Promise<Authority> {
  const { trustDomain, now = Date.now } = options;
  if (!isTrustDomain(trustDomain)) throw new TypeError(`${JSON.stringify(trustDomain)} is no trust domain`);
  const keyPath = join(folder, 'ca-key.pem');
  const certificatePath = join(folder, 'ca-cert.pem');
  const rootPath = join(folder, 'root-cert.pem');
  const chainPath = join(folder, 'cert-chain.pem');

  const key = readKey(keyPath, await required(keyPath, true));
  const [certificate] = readCertificates(certificatePath, await required(certificatePath, false));
  const bundle = trustBundle(readCertificates(rootPath, await required(rootPath, false)));
  const chainText = await readIfThere(chainPath, false);
  const others = chainText === undefined ? [] : readCertificates(chainPath, chainText);

  const signer = checkedSigner({ keyPath, key }, { certificatePath, certificate }, now());
  const path = verifyChain(certificate, others, bundle, now());
  if (isRefusal(path)) {
    throw new AuthorityError(
      'LAT0703',
      `${certificatePath} does not lead to ${rootPath}: ${path.message}`,
      'put every certificate between them into cert-chain.pem',
    );
  }
  return { trustDomain, signer, intermediates: path.filter((link) => !isSelfSigned(link)), bundle };
}

/** The key's and the certificate's last checks before anything is signed with them. */
function checkedSigner(
  { keyPath, key }: { keyPath: string; key: KeyObject },
  { certificatePath, certificate }: { certificatePath: string; certificate: X509Certificate },
  now: number,
): Signer {
  const wrong = (message: string, help: string) => new AuthorityError('LAT0703', message, help);
  if (!certificate.checkPrivateKey(key)) {
    throw wrong(`${keyPath} is not the key of ${certificatePath}`, 'restore the two files of one authority');
  }
  if (!certificate.ca) throw wrong(`${certificatePath} is not a certificate authority's`, 'give one with CA:TRUE');
  if (now > certificate.validToDate.getTime()) {
    throw wrong(
      `${certificatePath} expired at ${certificate.validToDate.toISOString()}`,
      'renew it, or move it away to begin a new root',
    );
  }
  return { key, certificate };
}

async function newKey(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

const newRoot = (key: KeyObject, trustDomain: string, now: number): Promise<string> =>
  writeRoot(key, {
    organization: trustDomain,
    notBefore: new Date(now - clockSkew),
    notAfter: new Date(now + rootLife),
  });

/** How far another host's clock may be behind ours and still take a fresh certificate. */
export const clockSkew = 2 * 60 * 1000;

async function required(path: string, secret: boolean): Promise<string> {
  const text = await readIfThere(path, secret);
  if (text === undefined) throw new AuthorityError('LAT0701', `${path} is missing`, 'a plugged-in authority needs it');
  return text;
}

/** A signing key from PEM, of a kind that this authority can sign with. */
export function readKey(path: string, text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    throw new AuthorityError('LAT0703', `${path} holds no readable private key`, 'restore it from a copy', { cause: error });
  }
  const { namedCurve, modulusLength = 0 } = createPublicKey(key).asymmetricKeyDetails ?? {};
  const usable =
    (key.asymmetricKeyType === 'ec' && (namedCurve === 'prime256v1' || namedCurve === 'secp384r1')) ||
    (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048);
  if (!usable)
    throw new AuthorityError('LAT0703', `${path} is a weak or unknown kind of key`, 'use P-256, P-384 or RSA from 2048 bits');
  return key;
}

function readCertificates(path: string, text: string): [X509Certificate, ...X509Certificate[]] {
  const read = parseCertificates(text);
  if (isRefusal(read)) throw new AuthorityError('LAT0703', `${path}: ${read.message}`, 'restore it from a copy');
  const [first, ...rest] = read;
  if (first === undefined) throw new AuthorityError('LAT0703', `${path} is empty`, 'restore it from a copy');
  return [first, ...rest];
}
