// Writing certificates and reading signing requests: the one module that knows the X.509 library. Called by the authority.

import { createPublicKey, randomBytes, type KeyObject, type X509Certificate } from 'node:crypto';
import type * as Library from '@peculiar/x509';
import { refuse, type Refusal } from './refusal.ts';

/** Whom a certificate names: URIs for workloads, DNS names and addresses for servers. */
export interface SubjectNames {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

/** A key that signs certificates, with the certificate that says so. */
export interface Signer {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

export interface LeafRequest extends SubjectNames {
  /** SubjectPublicKeyInfo of the leaf. */
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Requests above this size are refused unread: a P-384 request is under 1 KB, an RSA-8192 one under 4 KB. */
const largestRequest = 16 * 1024;

const clientAndServer = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

/** A self-signed root over `key`, valid from `notBefore` to `notAfter`, as PEM. */
export async function writeRoot(
  key: KeyObject,
  subject: { readonly organization: string; readonly notBefore: Date; readonly notAfter: Date },
): Promise<string> {
  const x509 = await library();
  const publicKey = spki(createPublicKey(key));
  const name = [{ O: [subject.organization] }];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: name,
    issuer: name,
    notBefore: subject.notBefore,
    notAfter: subject.notAfter,
    publicKey,
    ...signing(key),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pem(certificate);
}

/** A leaf without a subject, named by its alternative names (which are critical therefore: RFC 5280 §4.2.1.6), as PEM. */
export async function writeLeaf(signer: Signer, leaf: LeafRequest): Promise<string> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(signer.certificate.raw);
  const publicKey = spki(leaf.publicKey);
  // Only an RSA key can encipher the other side's key; for an elliptic curve the bit would be a lie.
  const usage =
    leaf.publicKey.asymmetricKeyType === 'rsa'
      ? x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment
      : x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    issuer: issuer.subjectName,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    publicKey,
    ...signing(signer.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(usage, true),
      new x509.ExtendedKeyUsageExtension(clientAndServer),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await authorityKeyId(x509, issuer),
      new x509.SubjectAlternativeNameExtension(generalNames(leaf), true),
    ],
  });
  return pem(certificate);
}

/** A signing request for `key`, without names: the authority decides those. PEM. */
export async function writeRequest(key: KeyObject): Promise<string> {
  const x509 = await library();
  const { signingKey, signingAlgorithm } = signing(key);
  const publicKey = createPublicKey(key).toCryptoKey(signingKey.algorithm, true, ['verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey: signingKey, publicKey },
    signingAlgorithm,
  });
  return request.toString('pem') + '\n';
}

/** The public key of a signing request whose signature proves that the sender holds the private one. */
export async function readRequest(text: string): Promise<KeyObject | Refusal> {
  if (text.length > largestRequest) return refuse('invalid', `the signing request is above ${largestRequest} bytes`);
  const x509 = await library();
  const der = onlyBlock(text, 'CERTIFICATE REQUEST');
  if (der === undefined) return refuse('invalid', 'the signing request is not one PEM block of a CERTIFICATE REQUEST');
  try {
    const request = new x509.Pkcs10CertificateRequest(der);
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
    const weakness = keyWeakness(key);
    if (weakness !== undefined) return refuse('invalid', weakness);
    if (await request.verify()) return key;
  } catch {
    // The parsers throw on every kind of damage; what they say about it means nothing to the sender.
    return refuse('invalid', 'the signing request cannot be read');
  }
  return refuse('invalid', "the signing request's signature does not match its key");
}

/** What is wrong with a key for a leaf, if anything. */
function keyWeakness(key: KeyObject): string | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && (namedCurve === 'prime256v1' || namedCurve === 'secp384r1')) return undefined;
  // Above 8192 bits one verification costs the authority more than any peer is worth.
  if (key.asymmetricKeyType === 'rsa' && modulusLength !== undefined && modulusLength >= 2048 && modulusLength <= 8192) {
    return undefined;
  }
  return 'the key must be ECDSA P-256 or P-384, or RSA of 2048 to 8192 bits';
}

function generalNames(names: SubjectNames): Library.JsonGeneralNames {
  return [
    ...(names.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(names.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(names.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
}

/** The signer's own key id where it has one: a plugged-in authority may have made it by another rule than SHA-1. */
async function authorityKeyId(x509: typeof Library, issuer: Library.X509Certificate) {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  return own === null
    ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
    : new x509.AuthorityKeyIdentifierExtension(own.keyId);
}

/** A private key as WebCrypto signs with it, with the hash that fits its strength. */
function signing(key: KeyObject): { signingKey: CryptoKey; signingAlgorithm: { name: string; hash: string } } {
  if (key.asymmetricKeyType === 'rsa') {
    const signingAlgorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    return { signingKey: key.toCryptoKey(signingAlgorithm, false, ['sign']), signingAlgorithm };
  }
  const strong = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  const algorithm = { name: 'ECDSA', namedCurve: strong ? 'P-384' : 'P-256' };
  return {
    signingKey: key.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: { name: 'ECDSA', hash: strong ? 'SHA-384' : 'SHA-256' },
  };
}

const spki = (key: KeyObject): Uint8Array<ArrayBuffer> => new Uint8Array(key.export({ format: 'der', type: 'spki' }));

const serial = (): string => randomBytes(16).toString('hex');

const pem = (certificate: Library.X509Certificate): string => certificate.toString('pem') + '\n';

/** The DER inside `text`, when that is exactly one PEM block of this kind (or its old name with `NEW`). */
function onlyBlock(text: string, label: string): Uint8Array<ArrayBuffer> | undefined {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim());
  const first = lines.shift();
  const last = lines.pop();
  for (const name of [label, `NEW ${label}`]) {
    if (first === `-----BEGIN ${name}-----` && last === `-----END ${name}-----`) {
      const body = lines.join('');
      return /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? new Uint8Array(Buffer.from(body, 'base64')) : undefined;
    }
  }
  return undefined;
}

let loading: Promise<typeof Library> | undefined;

/** The library costs 80 ms to load, so only a process that issues or asks for certificates pays. */
function library(): Promise<typeof Library> {
  loading ??= load();
  return loading;
}

/**
 * The library's container insists on a metadata polyfill when it is loaded, and asks it only for what decorators on
 * constructor parameters left there; the library has none. So three empty answers stand in while it loads, and go again.
 */
async function load(): Promise<typeof Library> {
  const names = ['getMetadata', 'getOwnMetadata', 'defineMetadata'].filter((name) => !(name in Reflect));
  for (const name of names) Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true });
  try {
    return await import('@peculiar/x509');
  } finally {
    for (const name of names) Reflect.deleteProperty(Reflect, name);
  }
}
