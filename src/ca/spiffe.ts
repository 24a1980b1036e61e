// SPIFFE ids of workloads: the names that certificates carry and policies compare. Read by every room that knows a peer.

import { refuse, type Refusal } from './refusal.ts';

/** The identity `spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const scheme = 'spiffe://';
/** The longest id that the SPIFFE standard lets anybody accept, in bytes. */
const longest = 2048;

const trustDomainCharacters = new Set('abcdefghijklmnopqrstuvwxyz0123456789.-_');
const segmentCharacters = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_');

const only = (text: string, allowed: ReadonlySet<string>): boolean => {
  for (const character of text) if (!allowed.has(character)) return false;
  return true;
};

/** Whether `text` can be a trust domain: 1 to 255 of `a-z 0-9 . - _`. */
export const isTrustDomain = (text: string): boolean =>
  text.length > 0 && text.length <= 255 && only(text, trustDomainCharacters);

/** Whether `text` can stand in an id's path: nothing empty, no dot segment, no escapes. */
export const isPathSegment = (text: string): boolean =>
  text.length > 0 && text.length <= 253 && text !== '.' && text !== '..' && only(text, segmentCharacters);

/** Reads an id. Anything but the exact five-part form is refused; nothing is trimmed, decoded or lower-cased. */
export function parseSpiffeId(text: string): SpiffeId | Refusal {
  if (text.length > longest) return refuse('invalid', `a SPIFFE id has at most ${longest} characters`);
  const parts = text.startsWith(scheme) ? text.slice(scheme.length).split('/') : [];
  const [trustDomain = '', ns, namespace = '', sa, serviceAccount = ''] = parts;
  const shaped = parts.length === 5 && ns === 'ns' && sa === 'sa';
  if (!shaped || !isTrustDomain(trustDomain) || !isPathSegment(namespace) || !isPathSegment(serviceAccount)) {
    return refuse('invalid', `${JSON.stringify(text)} is not spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`);
  }
  return { trustDomain, namespace, serviceAccount };
}

/** Writes an id. Throws where a part could not be read back: that is a caller's mistake, found early. */
export function formatSpiffeId(id: SpiffeId): string {
  const text = `${scheme}${id.trustDomain}/ns/${id.namespace}/sa/${id.serviceAccount}`;
  const read = parseSpiffeId(text);
  if ('refused' in read) throw new TypeError(read.message);
  return text;
}
