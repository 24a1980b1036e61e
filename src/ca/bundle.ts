// Trust bundles: PEM text read into the root certificates that peers are checked against, and written again.

import { X509Certificate } from 'node:crypto';
import { refuse, type Refusal } from './refusal.ts';

export interface TrustBundle {
  /** Never empty; no certificate twice. */
  readonly roots: readonly X509Certificate[];
  /** The roots in order, one PEM block each. */
  readonly pem: string;
}

/** Text above this is refused unread. */
const largestText = 1024 * 1024;
const mostCertificates = 1000;

const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';

/**
 * All certificates of a PEM text, in order. Text around the blocks is ignored, as OpenSSL does; a damaged block, or no
 * block at all, refuses the whole: half a chain is worse than none.
 */
export function parseCertificates(text: string): X509Certificate[] | Refusal {
  if (text.length > largestText) return refuse('invalid', `the certificates are above ${largestText} bytes`);
  const certificates: X509Certificate[] = [];
  for (let from = text.indexOf(begin); from >= 0; from = text.indexOf(begin, from + begin.length)) {
    const to = text.indexOf(end, from);
    if (to < 0) return refuse('invalid', 'a certificate has no end line');
    if (certificates.length >= mostCertificates) return refuse('invalid', `more than ${mostCertificates} certificates`);
    try {
      certificates.push(new X509Certificate(text.slice(from, to + end.length)));
    } catch {
      return refuse('invalid', `certificate ${certificates.length + 1} cannot be read`);
    }
  }
  return certificates.length > 0 ? certificates : refuse('invalid', 'there is no PEM certificate');
}

/** One certificate as PEM, ending in a line feed. */
export const certificatePem = (certificate: X509Certificate): string => certificate.toString().trim() + '\n';

/** A bundle of these certificates; the same certificate twice counts once. */
export function trustBundle(certificates: readonly X509Certificate[]): TrustBundle {
  const roots = [...new Map(certificates.map((root) => [root.fingerprint256, root])).values()];
  return { roots, pem: roots.map(certificatePem).join('') };
}

/** Whether a certificate signed itself, which makes it a root and not a link of a chain. */
export const isSelfSigned = (certificate: X509Certificate): boolean =>
  certificate.subject === certificate.issuer && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
