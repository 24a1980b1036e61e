// The endpoints of httpbin that answer at once: status codes, redirects, cookies, credentials, caching, encodings, documents.

import { createHash, randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { one, parseCookies, Refusal, send } from '../http-server.ts';
import { jsonType, origin, pretty, reflect, requestHeaders, requestUrl, sendPretty, values, type Visit } from './reflection.ts';

const plain = 'text/plain; charset=utf-8';
const html = 'text/html; charset=utf-8';

/** `/status/418`, or one of several by weight: `/status/200:0.9,500:0.1`. */
export function status(visit: Visit): true {
  const choices = (visit.rest[0] ?? '').split(',').map((choice) => {
    const [code, weight = '1', more] = choice.split(':');
    if (more !== undefined || !/^[2-5]\d\d$/.test(code ?? '') || !(Number(weight) >= 0)) {
      throw new Refusal(400, `invalid status code: ${JSON.stringify(choice.slice(0, 40))}; give one from 200 to 599`);
    }
    return { code: Number(code), weight: Number(weight) };
  });
  let pick = Math.random() * choices.reduce((sum, { weight }) => sum + weight, 0);
  const code = choices.find(({ weight }) => (pick -= weight) < 0)?.code ?? choices[0]?.code ?? 200;
  const headers: Record<string, string> = {};
  if ([301, 302, 303, 305, 307, 308].includes(code)) headers['location'] = '/redirect/1';
  if (code === 401) headers['www-authenticate'] = 'Basic realm="Fake Realm"';
  if (code === 407) headers['proxy-authenticate'] = 'Basic realm="Fake Realm"';
  const teapot = visit.settings.flavor === 'go' ? "I'm a teapot!" : '\n    -=[ teapot ]=-\n\n        c(_)/\n';
  return send(visit.exchange, code, plain, code === 418 ? teapot : '', headers);
}

/** 500 for a share of the requests, `?failure_rate=0.5`. */
export function unstable({ exchange }: Visit): true {
  const rate = Number(exchange.query.get('failure_rate') ?? '0.5');
  if (!(rate >= 0 && rate <= 1)) throw new Refusal(400, 'invalid failure rate: give a number from 0 to 1');
  return send(exchange, Math.random() < rate ? 500 : 200, plain, '');
}

/** `/redirect/3`: that many redirects, then `/get`. */
export function redirect(visit: Visit, absolute: boolean): true {
  const [text = ''] = visit.rest;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Refusal(400, 'invalid redirect count: give a number above 0');
  const path = text === '1' ? '/get' : `/${absolute ? 'absolute' : 'relative'}-redirect/${Number(text) - 1}`;
  return sendRedirect(visit, absolute ? new URL(path, safeBase(visit)).href : path, 302);
}

export function redirectTo(visit: Visit): true {
  const { query } = visit.exchange;
  const url = query.get('url');
  if (!url) throw new Refusal(400, 'missing required query parameter: url');
  const code = query.get('status_code') || '302';
  if (!/^3\d\d$/.test(code)) throw new Refusal(400, 'invalid status code: give one from 300 to 399');
  return sendRedirect(visit, url, Number(code));
}

function sendRedirect({ exchange }: Visit, location: string, code: number): true {
  return send(exchange, code, html, '', { location: location.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent) });
}

function safeBase(visit: Visit): string {
  const url = requestUrl(visit);
  return URL.canParse(url) ? url : 'http://localhost/';
}

export function cookies(visit: Visit): true {
  const { exchange, settings, rest } = visit;
  const [verb] = rest;
  if (verb === undefined) {
    const seen = Object.fromEntries(parseCookies(exchange.request.headers.cookie));
    return sendPretty(visit, 200, settings.flavor === 'go' ? seen : { cookies: seen });
  }
  const wanted = verb === 'set' && rest[1] !== undefined ? [[rest[1], rest[2] ?? ''] as const] : [...exchange.query];
  const lines = wanted.map(([name, value]) => {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new Refusal(400, `invalid cookie name: ${JSON.stringify(name.slice(0, 40))}`);
    const safe = value.replace(/[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/g, '');
    return verb === 'set' ? `${name}=${safe}; Path=/; HttpOnly` : `${name}=; Path=/; Max-Age=0; HttpOnly`;
  });
  exchange.response.setHeader('set-cookie', lines);
  return sendRedirect(visit, '/cookies', 302);
}

/** `/basic-auth/USER/PASSWORD`; the hidden one pretends that there is nothing. */
export function basicAuth(visit: Visit, hidden: boolean): true {
  const { exchange, settings, rest } = visit;
  const [, encoded = ''] = /^Basic +(\S+)$/i.exec(exchange.request.headers.authorization ?? '') ?? [];
  const given = Buffer.from(encoded, 'base64').toString();
  const authorized = encoded !== '' && given === `${rest[0]}:${rest[1]}`;
  const user = given.split(':')[0] ?? '';
  const body = settings.flavor === 'go' ? { authenticated: authorized, user, authorized } : { authenticated: authorized, user };
  if (authorized) return sendPretty(visit, 200, body);
  if (hidden) throw new Refusal(404, 'no such path');
  const challenge = { 'www-authenticate': 'Basic realm="Fake Realm"' };
  return settings.flavor === 'go' ? sendPretty(visit, 401, body, challenge) : send(exchange, 401, html, '', challenge);
}

export function bearer(visit: Visit): true {
  const [, token] = /^Bearer +(\S+)$/i.exec(visit.exchange.request.headers.authorization ?? '') ?? [];
  if (token === undefined) return send(visit.exchange, 401, plain, '', { 'www-authenticate': 'Bearer' });
  return sendPretty(visit, 200, { authenticated: true, token });
}

/** The headers asked for in the query, on the answer and in it. What frames the message is ours to say. */
export function responseHeaders(visit: Visit): true {
  const { exchange, settings } = visit;
  const ours = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer', 'upgrade']);
  const asked = [...exchange.query].filter(([name]) => !ours.has(name.toLowerCase()));
  if (!asked.some(([name]) => name.toLowerCase() === 'content-type')) asked.push(['Content-Type', jsonType(settings.flavor)]);
  const named = Map.groupBy(asked, ([name]) => name.toLowerCase());
  const headers = Object.fromEntries([...named].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]));
  return send(exchange, 200, '', pretty(settings.flavor, values(asked, settings.flavor)), headers);
}

/** 304 for a caller that has something cached; `/cache/60` says for how long to keep it. */
export function cache(visit: Visit): true {
  const { exchange, rest } = visit;
  const [seconds] = rest;
  if (seconds !== undefined) {
    if (!/^\d{1,9}$/.test(seconds)) throw new Refusal(400, 'invalid seconds: give a whole number');
    return sendPretty(visit, 200, reflect(visit), { 'cache-control': `public, max-age=${seconds}` });
  }
  const { headers } = exchange.request;
  if (headers['if-modified-since'] || headers['if-none-match']) return send(exchange, 304, plain, '');
  const modified = new Date().toUTCString();
  return sendPretty(visit, 200, reflect(visit), {
    'last-modified': modified,
    etag: `"${createHash('sha1').update(modified).digest('hex')}"`,
  });
}

export function etag(visit: Visit): true {
  const tag = `"${(visit.rest[0] ?? '').replace(/[^\x21\x23-\x7e]/g, '')}"`;
  const { headers } = visit.exchange.request;
  const names = (value: string | undefined): boolean =>
    value !== undefined && value.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === tag);
  if (names(headers['if-none-match'])) return send(visit.exchange, 304, plain, '', { etag: tag });
  if (headers['if-match'] !== undefined && !names(headers['if-match']))
    return send(visit.exchange, 412, plain, '', { etag: tag });
  return sendPretty(visit, 200, reflect(visit), { etag: tag });
}

const compressors = {
  gzip: { encoding: 'gzip', flag: 'gzipped', compress: gzipSync },
  deflate: { encoding: 'deflate', flag: 'deflated', compress: deflateSync },
  brotli: { encoding: 'br', flag: 'brotli', compress: brotliCompressSync },
} as const;

export function compressed(visit: Visit, by: keyof typeof compressors): true {
  const { encoding, flag, compress } = compressors[by];
  const { flavor } = visit.settings;
  const body = compress(Buffer.from(pretty(flavor, { ...reflect(visit), [flag]: true })));
  return send(visit.exchange, 200, jsonType(flavor), body, { 'content-encoding': encoding });
}

/** `/base64/VALUE` and `/base64/decode/VALUE` decode, `/base64/encode/VALUE` encodes. */
export function base64({ exchange, rest }: Visit): true {
  const [first = '', second] = rest;
  const value = second ?? first;
  if (second !== undefined && first === 'encode') return send(exchange, 200, plain, Buffer.from(value).toString('base64url'));
  if (second !== undefined && first !== 'decode')
    throw new Refusal(404, 'no such path; give /base64/decode/VALUE or /base64/encode/VALUE');
  if (!/^[\w+/-]*={0,2}$/.test(value)) throw new Refusal(400, 'decode failed: that is not base64');
  return send(exchange, 200, plain, Buffer.from(value, 'base64'));
}

export const ip = (visit: Visit): true => sendPretty(visit, 200, { origin: origin(visit) });
export const headers = (visit: Visit): true => sendPretty(visit, 200, { headers: requestHeaders(visit) });
export const userAgent = (visit: Visit): true =>
  sendPretty(visit, 200, { 'user-agent': one(visit.exchange.request.headers['user-agent']) ?? '' });
export const hostnameOf = (visit: Visit): true => sendPretty(visit, 200, { hostname: visit.settings.hostname });
export const uuid = (visit: Visit): true => sendPretty(visit, 200, { uuid: randomUUID() });

/** Something of each common content type. */
export const documents = {
  html: ({ exchange }: Visit): true =>
    send(
      exchange,
      200,
      html,
      '<!doctype html>\n<html lang="en">\n<head><title>httpbin</title></head>\n<body>\n<h1>A page of HTML</h1>\n<p>It is here so that a client has some to fetch.</p>\n</body>\n</html>\n',
    ),
  xml: ({ exchange }: Visit): true =>
    send(
      exchange,
      200,
      'application/xml',
      '<?xml version="1.0" encoding="UTF-8"?>\n<slideshow title="A document of XML">\n  <slide type="all"><title>Services</title></slide>\n  <slide type="all"><title>Routes</title></slide>\n</slideshow>\n',
    ),
  json: (visit: Visit): true =>
    sendPretty(visit, 200, {
      slideshow: {
        title: 'A document of JSON',
        author: 'Lateen',
        slides: [
          { type: 'all', title: 'Services' },
          { type: 'all', title: 'Routes' },
        ],
      },
    }),
  robots: ({ exchange }: Visit): true => send(exchange, 200, plain, 'User-agent: *\nDisallow: /deny\n'),
  deny: ({ exchange }: Visit): true => send(exchange, 200, plain, 'Robots were asked not to come here.\n'),
} as const;
