// What Kubernetes allows as names, labels and hosts, and what Istio allows on top: the value rules that many kinds share.

import { isIP } from 'node:net';

const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const labelAnyCase = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const qualifiedName = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** A DNS label in lower case: RFC 1123, 63 characters. */
export const isDnsLabel = (text: string): boolean => label.test(text);

/** A DNS name in lower case: labels with dots between, 253 characters. */
export const isDnsName = (text: string): boolean => text.length <= 253 && text.split('.').every(isDnsLabel);

/** A label's or annotation's key: `name` or `dns.prefix/name`. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return qualifiedName.test(key);
  return isDnsName(key.slice(0, slash)) && qualifiedName.test(key.slice(slash + 1));
}

export const isLabelValue = (value: string): boolean => labelValue.test(value);

/** A host name in any case, short or whole; a last dot is allowed. */
export function isHostName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.length > 0 && name.length <= 255 && name.split('.').every((part) => labelAnyCase.test(part));
}

/** A host name, `*`, or a name whose first label is `*` or begins with it (`*.example.com`, `*-canary.example.com`). */
export function isWildcardHost(text: string): boolean {
  if (text === '*') return true;
  if (text.startsWith('*.')) return isHostName(text.slice(2));
  return text.startsWith('*-') ? isHostName(text.slice(2)) : isHostName(text);
}

export const isAddress = (text: string): boolean => isIP(text) !== 0;

/** An address, or one with a prefix length that fits its family. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const version = isIP(slash < 0 ? text : text.slice(0, slash));
  if (version === 0 || slash < 0) return version !== 0;
  const length = text.slice(slash + 1);
  return /^[0-9]{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
}

/** A header's name: a token of RFC 9110. */
export const isHeaderName = (text: string): boolean => /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(text);
