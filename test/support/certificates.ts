// Authorities, certificates and revocation lists that tests make for themselves: nothing of them is the mesh's.

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeLeaf, writeRoot, type Signer, type SubjectNames } from '../../src/ca/x509.ts';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
const pair = (kind: 'ec' | 'rsa') =>
  kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });

export interface TestAuthority extends Signer {
  readonly pem: string;
}

export async function authority(organization: string): Promise<TestAuthority> {
  const { privateKey: key } = pair('ec');
  const pem = await writeRoot(key, { organization, ...validity });
  return { key, pem, certificate: new X509Certificate(pem) };
}

/** A certificate and its key in PEM. */
export interface Leaf {
  readonly cert: string;
  readonly key: string;
}

export async function leaf(signer: Signer, names: SubjectNames, kind: 'ec' | 'rsa' = 'ec'): Promise<Leaf> {
  const { privateKey, publicKey } = pair(kind);
  const cert = await writeLeaf(signer, { publicKey, ...names, ...validity });
  return { cert, key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

/** As a Secret of type kubernetes.io/tls has them. */
export const secretOf = ({ cert, key }: Leaf): { 'tls.crt': string; 'tls.key': string } => ({ 'tls.crt': cert, 'tls.key': key });

/** What an authority takes back of what it signed, in PEM. */
export async function revocationList({ key, certificate }: Signer, revoked: readonly Leaf[]): Promise<string> {
  const { X509Certificate: Parsed, X509CrlGenerator, X509CrlReason } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const list = await X509CrlGenerator.create({
    issuer: new Parsed(certificate.raw).subjectName,
    thisUpdate: validity.notBefore,
    nextUpdate: validity.notAfter,
    signingAlgorithm: algorithm,
    signingKey: key.toCryptoKey(algorithm, false, ['sign']),
    entries: revoked.map(({ cert }) => ({
      serialNumber: new X509Certificate(cert).serialNumber.toLowerCase(),
      revocationDate: validity.notBefore,
      // Without one the entry has an empty list of extensions, which Envoy refuses.
      reason: X509CrlReason.keyCompromise,
    })),
  });
  // The library's own label is one that OpenSSL does not read.
  return `-----BEGIN X509 CRL-----\n${Buffer.from(list.rawData).toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`;
}
