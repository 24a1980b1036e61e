// Gateway Secrets of a soak: a new key and certificate each time, of one root.

import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeLeaf, writeRoot } from '../../../src/ca/x509.ts';
import type { Document } from './documents.ts';

const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2099-01-01') };

export async function secretMaker(): Promise<(name: string, dnsName: string) => Promise<Document>> {
  const { privateKey: rootKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = new X509Certificate(await writeRoot(rootKey, { organization: 'soak', ...validity }));
  return async (name, dnsName) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cert = await writeLeaf({ key: rootKey, certificate }, { publicKey, dnsNames: [dnsName], ...validity });
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'istio-system' },
      stringData: { 'tls.crt': cert, 'tls.key': key },
    };
  };
}
