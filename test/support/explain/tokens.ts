// Tokens of the differential test: two issuers with one key, which is no secret and the same in every run.

import { createHmac } from 'node:crypto';

export const issuers = { first: 'https://first.example', second: 'https://second.example' } as const;

const key = 'the key of all tokens in the tests of explain';
const encoded = (text: string): string => Buffer.from(text).toString('base64url');

export const keySet = JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', kid: 'tests', k: encoded(key) }] });

/** A token of these claims. */
export function tokenOf(claims: object): string {
  const text = [{ alg: 'HS256', kid: 'tests', typ: 'JWT' }, claims].map((part) => encoded(JSON.stringify(part))).join('.');
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}
