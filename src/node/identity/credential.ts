// What a workload proves itself with: key, chain, roots. Read from an authority's answer, served to its Envoy by sds.ts.

import type { KeyObject, X509Certificate } from 'node:crypto';
import { identityOf } from '../../ca/authenticate.ts';
import { certificatePem, isSelfSigned, parseCertificates, trustBundle, type TrustBundle } from '../../ca/bundle.ts';
import { isRefusal, refuse, type Refusal } from '../../ca/refusal.ts';
import { formatSpiffeId, type SpiffeId } from '../../ca/spiffe.ts';
import { SecretText } from '../../lib/secret-text.ts';

export interface Credential {
  readonly id: SpiffeId;
  /** PKCS#8 PEM. */
  readonly key: SecretText;
  /** PEM, leaf first, without the root. */
  readonly chain: string;
  readonly bundle: TrustBundle;
  readonly notAfter: Date;
  /** Upper-case hexadecimal. */
  readonly serial: string;
}

/**
 * The credential in an authority's answer (PEM texts: leaf, links, roots; Istio's order), or what is wrong with it: another
 * key, another identity, no path to its own roots, out of date at `now`.
 */
export function readCredential(id: SpiffeId, key: KeyObject, answer: readonly string[], now: number): Credential | Refusal {
  const certificates = parseCertificates(answer.join('\n'));
  if (isRefusal(certificates)) return certificates;
  const [leaf, ...others] = certificates;
  if (leaf === undefined || !leaf.checkPrivateKey(key)) return refuse('invalid', 'the certificate is for another key');
  const roots: X509Certificate[] = [];
  const links: X509Certificate[] = [];
  for (const other of others) (isSelfSigned(other) ? roots : links).push(other);
  const bundle = trustBundle(roots);
  const named = identityOf(leaf, links, { bundle, trustDomain: id.trustDomain, now: () => now });
  if (isRefusal(named)) return named;
  if (formatSpiffeId(named) !== formatSpiffeId(id)) {
    return refuse('invalid', `the certificate is of ${formatSpiffeId(named)}, not of ${formatSpiffeId(id)}`);
  }
  return {
    id,
    key: new SecretText(key.export({ format: 'pem', type: 'pkcs8' }).toString()),
    chain: [leaf, ...links].map(certificatePem).join(''),
    bundle,
    notAfter: leaf.validToDate,
    serial: leaf.serialNumber,
  };
}
