// Whether a certificate leads to a root that is trusted: the check behind every peer that shows one, and a plugged-in authority.

import type { X509Certificate } from 'node:crypto';
import { isSelfSigned, type TrustBundle } from './bundle.ts';
import { refuse, type Refusal } from './refusal.ts';

/** Longer chains are refused: nobody's authority is that deep, and each link costs a signature check. */
const deepest = 6;
const mostIntermediates = 16;

/**
 * The path from `leaf` to a root of `bundle`, leaf first and root last. Every link is checked: signature, issuer's name,
 * the right to sign, validity at `now` (milliseconds since 1970).
 */
export function verifyChain(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  bundle: TrustBundle,
  now: number,
): readonly X509Certificate[] | Refusal {
  if (intermediates.length > mostIntermediates) return refuse('unauthenticated', 'the certificate chain is too long');
  const path: X509Certificate[] = [];
  let current = leaf;
  for (;;) {
    const expired = outOfDate(current, now);
    if (expired !== undefined) return refuse('unauthenticated', expired);
    path.push(current);
    const certificate = current;
    if (bundle.roots.some((root) => root.fingerprint256 === certificate.fingerprint256)) return path;
    if (path.length > deepest) return refuse('unauthenticated', 'the certificate chain is too long');
    // Roots first: a cross-signed intermediate of the same name must not lead away from a root that is trusted.
    const issuer =
      bundle.roots.find((root) => issued(root, certificate)) ?? intermediates.find((link) => issued(link, certificate));
    if (issuer === undefined || path.includes(issuer) || (isSelfSigned(issuer) && !bundle.roots.includes(issuer))) {
      return refuse('unauthenticated', 'the certificate was not issued by an authority that this mesh trusts');
    }
    current = issuer;
  }
}

const issued = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

function outOfDate(certificate: X509Certificate, now: number): string | undefined {
  if (now < certificate.validFromDate.getTime()) {
    return `the certificate is not valid before ${certificate.validFromDate.toISOString()}`;
  }
  if (now > certificate.validToDate.getTime()) {
    return `the certificate expired at ${certificate.validToDate.toISOString()}`;
  }
  return undefined;
}
