// A request's headers as Envoy holds them: names in lower case, pseudo-headers among them, several values of a name in order.

import type { Doubt } from './doubt.ts';
import type { HttpRequest } from './request.ts';

/** `doubt`: there may be others. */
export type Headers = Map<string, string[]> & { doubt?: Doubt };

/** `host` is another name of `:authority`. */
export const headerName = (name: string): string => {
  const lower = name.toLowerCase();
  return lower === 'host' ? ':authority' : lower;
};

export function headersOf(request: HttpRequest): Headers {
  const headers: Headers = new Map([
    [':method', [request.method]],
    [':authority', [request.authority]],
    [':path', [request.path]],
    [':scheme', [request.tls === undefined ? 'http' : 'https']],
  ]);
  for (const [name, value] of request.headers) {
    const key = headerName(name);
    // The request says its authority itself.
    if (key.startsWith(':')) continue;
    const values = [...(headers.get(key) ?? []), value];
    // HTTP/2 sends cookies in crumbs.
    const between = joined.has(key) ? ',' : key === 'cookie' && request.version === 'HTTP/2' ? '; ' : undefined;
    headers.set(key, between === undefined ? values : [values.filter((each) => each !== '').join(between)]);
  }
  if (request.doubt !== undefined) headers.doubt = request.doubt;
  return headers;
}

/** Headers that Envoy holds as one text, whoever sends them twice. */
const joined = new Set(['content-type', 'user-agent', 'via', 'x-forwarded-for', 'x-forwarded-proto']);

/** All values of a header as one, as conditions see them; undefined where it is not there. */
export const headerValue = (headers: Headers, name: string): string | undefined => headers.get(headerName(name))?.join(',');

export const methodOf = (headers: Headers): string => headers.get(':method')?.[0] ?? '';
export const authorityOf = (headers: Headers): string => headers.get(':authority')?.[0] ?? '';
export const fullPathOf = (headers: Headers): string => headers.get(':path')?.[0] ?? '';
export const schemeOf = (headers: Headers): string => headers.get(':scheme')?.[0] ?? '';

/** Without query and fragment. */
export const pathOf = (headers: Headers): string => fullPathOf(headers).replace(/[?#].*$/s, '');

/** `?a=1&b` → its parameters as they are written; nothing is decoded. */
export function queryOf(headers: Headers): Map<string, string> {
  const [, query = ''] = /\?([^#]*)/s.exec(fullPathOf(headers)) ?? [];
  const parameters = new Map<string, string>();
  for (const part of query === '' ? [] : query.split('&')) {
    const equals = part.indexOf('=');
    const [name, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    // The first of a name counts.
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

/** The protocol that a caller of HTTP/1 asks to go over to. */
export function upgradeWanted(headers: Headers): string | undefined {
  const asks = /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headerValue(headers, 'connection') ?? '');
  return asks ? headerValue(headers, 'upgrade') : undefined;
}

export const isGrpc = (headers: Headers): boolean =>
  /^application\/grpc(?:\+.*)?$/.test(headerValue(headers, 'content-type') ?? '');
