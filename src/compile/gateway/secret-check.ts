// Whether what a Secret or ConfigMap holds can be used for TLS: certificates that can be read, and the key that belongs to them. Envoy
// would refuse it otherwise, and its words would name no object.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

const blocks = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Why a certificate with its chain and its key cannot be used; undefined where they can. Says nothing of what they hold. */
export function certificateProblem(chain: Uint8Array, key: Uint8Array): string | undefined {
  const certificates = certificatesIn(chain);
  if (typeof certificates === 'string') return certificates;
  const privateKey = keyIn(key);
  if (privateKey === undefined) return 'its key is no PEM private key without a passphrase';
  return certificates[0]?.checkPrivateKey(privateKey) === true ? undefined : 'its key is not that of its first certificate';
}

/** Why authorities cannot be used. */
export function trustProblem(roots: Uint8Array): string | undefined {
  const certificates = certificatesIn(roots);
  return typeof certificates === 'string' ? certificates : undefined;
}

function certificatesIn(pem: Uint8Array): X509Certificate[] | string {
  const texts = Buffer.from(pem).toString('utf8').match(blocks) ?? [];
  if (texts.length === 0) return 'it has no PEM certificate';
  const certificates: X509Certificate[] = [];
  for (const [index, text] of texts.entries()) {
    try {
      certificates.push(new X509Certificate(text));
    } catch {
      return `its certificate ${index + 1} cannot be read`;
    }
  }
  return certificates;
}

function keyIn(pem: Uint8Array): KeyObject | undefined {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    return undefined;
  }
}
