// Issuing: a signing request and an identity that the caller vouches for become a certificate chain. Served by service.ts.

import { generateKeyPair, X509Certificate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { SecretText } from '../lib/secret-text.ts';
import { clockSkew, type Authority } from './authority.ts';
import { certificatePem, type TrustBundle } from './bundle.ts';
import { isRefusal, refuse, type Refusal } from './refusal.ts';
import { formatSpiffeId, type SpiffeId } from './spiffe.ts';
import { readRequest, writeLeaf, type SubjectNames } from './x509.ts';

/** A certificate with the way to its root. */
export interface Issued {
  /** PEM, one certificate each: the leaf first, then the signer up to, but without, the root. */
  readonly chain: readonly string[];
  readonly bundle: TrustBundle;
  readonly notAfter: Date;
  /** Upper-case hexadecimal, as OpenSSL prints it. */
  readonly serial: string;
}

/** Lifetimes in seconds: Istio's DEFAULT_WORKLOAD_CERT_TTL and MAX_WORKLOAD_CERT_TTL. */
interface Lifetimes {
  readonly default: number;
  readonly longest: number;
}

export const usualLifetimes: Lifetimes = { default: 24 * 3600, longest: 90 * 24 * 3600 };

export interface IssueOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly lifetimes?: Lifetimes;
}

/**
 * Signs a workload's request for `id`. The id is the caller's decision: names inside the request are ignored.
 * `seconds` is a wish: 0 means the default, more than the longest is refused, and the signer's own end caps it.
 */
export async function issueWorkload(
  authority: Authority,
  request: string,
  id: SpiffeId,
  seconds = 0,
  options: IssueOptions = {},
): Promise<Issued | Refusal> {
  if (id.trustDomain !== authority.trustDomain) {
    return refuse('forbidden', `this authority issues for ${authority.trustDomain}, not for ${id.trustDomain}`);
  }
  const { lifetimes = usualLifetimes } = options;
  if (!Number.isFinite(seconds) || seconds < 0) return refuse('invalid', 'the lifetime is not a number of seconds');
  if (seconds > lifetimes.longest) {
    return refuse('invalid', `the lifetime of ${seconds} s is above the longest of ${lifetimes.longest} s`);
  }
  const publicKey = await readRequest(request);
  if (isRefusal(publicKey)) return publicKey;
  const names = { uris: [formatSpiffeId(id)] };
  return sign(authority, publicKey, names, seconds === 0 ? lifetimes.default : seconds, options.now ?? Date.now);
}

/** The certificate of a server of the control plane, with a key that was made here and is in memory only. */
export interface ServerCertificate extends Issued {
  /** PKCS#8 PEM. */
  readonly key: SecretText;
}

/** The names under which clients of Istio's contract look for the control plane. */
export const controlPlaneNames: readonly string[] = [
  'istiod.istio-system.svc',
  'istiod.istio-system.svc.cluster.local',
  'istiod.istio-system',
  'lateen-control.istio-system.svc',
  'lateen-control.istio-system.svc.cluster.local',
  'localhost',
];

/** A certificate for the control plane's TLS port: `controlPlaneNames` and the given names and addresses. */
export async function issueServer(
  authority: Authority,
  names: Pick<SubjectNames, 'dnsNames' | 'addresses'> = {},
  options: IssueOptions = {},
): Promise<ServerCertificate | Refusal> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const all: SubjectNames = {
    dnsNames: [...new Set([...controlPlaneNames, ...(names.dnsNames ?? [])])],
    addresses: [...new Set(['127.0.0.1', '::1', ...(names.addresses ?? [])])],
  };
  const { lifetimes = usualLifetimes, now = Date.now } = options;
  const issued = await sign(authority, publicKey, all, lifetimes.longest, now);
  if (isRefusal(issued)) return issued;
  const key = new SecretText(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return { ...issued, key };
}

async function sign(
  authority: Authority,
  publicKey: KeyObject,
  names: SubjectNames,
  seconds: number,
  now: () => number,
): Promise<Issued | Refusal> {
  const { signer, intermediates, bundle } = authority;
  const start = now();
  // Nothing outlives what vouches for it.
  const ends = [signer.certificate, ...intermediates].map((link) => link.validToDate.getTime());
  const end = Math.min(start + seconds * 1000, ...ends);
  if (end <= start) return refuse('invalid', "the authority's own certificate has expired");
  const begins = Math.max(start - clockSkew, signer.certificate.validFromDate.getTime());
  const leaf = await writeLeaf(signer, { ...names, publicKey, notBefore: new Date(begins), notAfter: new Date(end) });
  const { serialNumber, validToDate } = new X509Certificate(leaf);
  return { chain: [leaf, ...intermediates.map(certificatePem)], bundle, notAfter: validToDate, serial: serialNumber };
}
