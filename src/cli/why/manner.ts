// The options that say how a request is made: headers, protocol, TLS, whom it comes from, with which token.

import { isIpAddress } from '../../lib/ip-range.ts';
import { usageFailure } from '../failure.ts';
import type { WhyOptions } from '../verbs/why.ts';
import type { Manner } from './ask.ts';

/** `claims`: in the place of a token. */
export function mannerOf(options: Omit<WhyOptions, 'clusterId'>, claims?: Manner['claims']): Manner {
  const { sourceIp, sni, alpn, http10, http2, jwt, identity } = options;
  if (sourceIp !== undefined && !isIpAddress(sourceIp)) throw usageFailure(`--source-ip ${sourceIp} is no IP address`);
  return {
    headers: (options.header ?? []).map(headerOf),
    version: http10 === true ? 'HTTP/1.0' : http2 === true ? 'HTTP/2' : 'HTTP/1.1',
    sni,
    alpn: alpn?.split(',').map((word) => word.trim()),
    sourceIp,
    identity,
    claims: jwt === undefined ? claims : claimsOf(jwt),
  };
}

/** `Name: value`, as curl takes it. */
function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(':', text.startsWith(':') ? 1 : 0);
  const name = text.slice(0, colon).trim();
  if (colon <= 0 || !/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
    throw usageFailure(`-H ${text} is no header`, 'write -H "Name: value"');
  return [name, text.slice(colon + 1).trim()];
}

/** Claims as JSON, or a token whose claims are read; its signature is not looked at. */
function claimsOf(text: string): Readonly<Record<string, unknown>> {
  const [, payload] = text.split('.');
  const json = text.trimStart().startsWith('{') ? text : Buffer.from(payload ?? '', 'base64url').toString('utf8');
  try {
    const claims: unknown = JSON.parse(json);
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as Record<string, unknown>;
  } catch {
    // Said below, without the text: a token is a secret.
  }
  throw usageFailure('--jwt is neither a token nor claims in JSON', `write --jwt '{"iss": "…", "sub": "…"}'`);
}
