// What a person asks `why` for: a request by method and URL, a connection, or a name.

import { nearest } from '../../api/suggestion.ts';
import { isIpAddress } from '../../lib/ip-range.ts';
import { usageFailure } from '../failure.ts';

export type Question =
  | { readonly kind: 'http'; readonly method: string; readonly url: AskedUrl }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'happened'; readonly id: string };

export interface AskedUrl {
  readonly scheme: 'http' | 'https';
  /** Without brackets, without a port. */
  readonly host: string;
  readonly port: number;
  /** As it goes into the request: with the port where it is written. */
  readonly authority: string;
  /** With the query; `/` where none is written. */
  readonly path: string;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

/** Whole or the beginning of one, and whatever callers may have made up: a word with a digit in it. */
const requestId = /^(?=.*\d)[\w-]{6,}$/;

/** The arguments of the verb. Throws a usage `Failure`. */
export function questionOf(args: readonly string[]): Question {
  const [first = '', second, ...rest] = args;
  if (rest.length > 0) throw usageFailure(`${rest[0]} is one argument too many`, 'write METHOD URL');
  if (first === 'tcp') return tcpQuestion(second);
  if (first === 'dns') {
    if (second === undefined) throw usageFailure('which name?', 'write lateen why dns NAME');
    return { kind: 'dns', name: second };
  }
  if (second === undefined) {
    if (requestId.test(first)) return { kind: 'happened', id: first };
    if (first === '') throw usageFailure('what is asked?', 'write lateen why METHOD URL, tcp HOST:PORT or dns NAME');
    // A URL alone is what a browser or curl would fetch.
    if (/[/.:]/.test(first)) return { kind: 'http', method: 'GET', url: urlOf(first) };
    throw usageFailure(`${first} of what?`, 'write lateen why METHOD URL');
  }
  return { kind: 'http', method: methodOf(first), url: urlOf(second) };
}

function methodOf(word: string): string {
  const method = word.toUpperCase();
  if (methods.includes(method)) return method;
  const guess = nearest(method, methods);
  // Others are allowed by HTTP (RFC 9110, 9.1), and are written as they are meant.
  if (guess === undefined && /^[A-Z][A-Z-]*$/.test(word)) return word;
  throw usageFailure(`${word} is no HTTP method`, guess === undefined ? `use ${methods.join(', ')}` : `did you mean ${guess}?`);
}

/** The path stays as it is written: `..` and `//` are what is asked about. */
function urlOf(text: string): AskedUrl {
  const [, scheme, rest = text] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  const known = scheme?.toLowerCase() ?? 'http';
  if (known !== 'http' && known !== 'https')
    throw usageFailure(`${text} is no http or https URL`, 'for other protocols write lateen why tcp HOST:PORT');
  const cut = rest.search(/[/?#]/);
  const authority = (cut < 0 ? rest : rest.slice(0, cut)).replace(/^[^@]*@/, '');
  const path = (cut < 0 ? '' : rest.slice(cut)).replace(/#.*$/s, '');
  const { host, port } = hostAndPort(authority, text);
  return {
    scheme: known,
    host,
    port: port ?? (known === 'https' ? 443 : 80),
    authority,
    path: path.startsWith('/') ? path : `/${path}`,
  };
}

function tcpQuestion(text: string | undefined): Question {
  if (text === undefined) throw usageFailure('which address?', 'write lateen why tcp HOST:PORT');
  const { host, port } = hostAndPort(text, text);
  if (port === undefined) throw usageFailure(`${text} names no port`, 'write lateen why tcp HOST:PORT');
  return { kind: 'tcp', host, port };
}

function hostAndPort(authority: string, whole: string): { readonly host: string; readonly port: number | undefined } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(authority) ?? [];
  const host = bracketed ?? plain ?? '';
  const port = digits === undefined || digits === '' ? undefined : Number(digits);
  if (host === '' || /\s/.test(host) || (bracketed !== undefined && !isIpAddress(bracketed)))
    throw usageFailure(`${whole} names no host`, 'write it as http://HOST[:PORT]/PATH; an IPv6 address in brackets');
  if (port !== undefined && (port < 1 || port > 65_535)) throw usageFailure(`${port} is no port`, 'ports go from 1 to 65535');
  return { host, port };
}
