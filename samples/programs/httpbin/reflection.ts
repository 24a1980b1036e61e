// What httpbin tells a caller about its own request, in the JSON of either flavor.

import { one, readBody, Refusal, send, type Exchange } from '../http-server.ts';
import { parseJson } from '../call.ts';
import type { Flavor, Settings } from './settings.ts';

/** A request being answered: what every endpoint gets. */
export interface Visit {
  readonly exchange: Exchange;
  readonly settings: Settings;
  /** The path's segments after the endpoint's name, decoded. */
  readonly rest: readonly string[];
}

type Lists = Map<string, string[]>;

/** The headers as they arrived, names in the capitals both originals show (`X-Request-Id`), sorted. */
export function requestHeaders({ exchange: { request }, settings }: Visit): Record<string, unknown> {
  const lists: Lists = new Map();
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = (request.rawHeaders[i] ?? '').toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    add(lists, name, request.rawHeaders[i + 1] ?? '');
  }
  return settings.flavor === 'go' ? toObject(lists) : toObject(lists, (values) => values.join(','));
}

/** The first address of X-Forwarded-For, else the peer's. */
export function origin({ exchange: { request } }: Visit): string {
  const forwarded = one(request.headers['x-forwarded-for'])?.split(',')[0]?.trim();
  return forwarded || (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** The request's URL as the caller wrote it, as far as the headers tell. */
export function requestUrl({ exchange: { request, path, query } }: Visit): string {
  const scheme = one(request.headers['x-forwarded-proto']) === 'https' ? 'https' : 'http';
  const search = query.size === 0 ? '' : `?${(request.url ?? '').split('?').slice(1).join('?')}`;
  return `${scheme}://${request.headers.host ?? 'localhost'}${path}${search}`;
}

/** The JSON of a request without a body. */
export function reflect(visit: Visit): Record<string, unknown> {
  const { exchange, settings } = visit;
  return {
    args: values(exchange.query, settings.flavor),
    headers: requestHeaders(visit),
    ...(settings.flavor === 'go' ? { method: exchange.method } : {}),
    origin: origin(visit),
    url: requestUrl(visit),
  };
}

/** The JSON of a request with its body: as text, as a form and its files, or as JSON, by its content type. */
export async function reflectWithBody(visit: Visit): Promise<Record<string, unknown>> {
  const { exchange, settings } = visit;
  const body = await readBody(exchange.request, settings.maxBodySize);
  const contentType = one(exchange.request.headers['content-type']) ?? '';
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const isForm = type === 'application/x-www-form-urlencoded' || type === 'multipart/form-data';
  const { form, files } = body.length > 0 && isForm ? await parseForm(body, contentType) : { form: [], files: [] };
  const json = parseJson(body.toString());
  if (settings.flavor === 'go' && type === 'application/json' && body.length > 0 && json === undefined) {
    throw new Refusal(400, 'error parsing request body: it is not JSON');
  }
  const readable = isForm || type.startsWith('text/') || type === 'application/json';
  return {
    ...reflect(visit),
    data: settings.flavor === 'kennethreitz' && isForm ? '' : asText(body, readable ? '' : type),
    files: values(files, settings.flavor),
    form: values(form, settings.flavor),
    json: type === 'application/json' || settings.flavor === 'kennethreitz' ? (json ?? null) : null,
  };
}

/** Sends JSON the way the flavor prints it: indented, with a newline; kennethreitz sorts its keys. */
export function sendPretty(
  visit: Visit,
  status: number,
  value: Record<string, unknown>,
  headers: Record<string, string> = {},
): true {
  return send(visit.exchange, status, jsonType(visit.settings.flavor), pretty(visit.settings.flavor, value), headers);
}

export function pretty(flavor: Flavor, value: Record<string, unknown>): string {
  const shown = flavor === 'go' ? value : Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(shown, null, 2)}\n`;
}

export function jsonType(flavor: Flavor): string {
  return flavor === 'go' ? 'application/json; charset=utf-8' : 'application/json';
}

/** Names with their values: always lists for go-httpbin, a plain string for a single value in the other. */
export function values(entries: Iterable<readonly [string, string]>, flavor: Flavor): Record<string, unknown> {
  const lists: Lists = new Map();
  for (const [name, value] of entries) add(lists, name, value);
  return flavor === 'go' ? toObject(lists) : toObject(lists, (list) => (list.length === 1 ? list[0] : list));
}

function add(lists: Lists, name: string, value: string): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

/** Sorted by name; a caller's `__proto__` stays a name like any other. */
function toObject(lists: Lists, shape: (list: string[]) => unknown = (list) => list): Record<string, unknown> {
  return Object.fromEntries([...lists].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, list]) => [name, shape(list)]));
}

/** Text as it is; bytes that are no text, or of an unknown type, as a data URL. */
function asText(body: Buffer, type: string): string {
  if (body.length === 0) return '';
  if (type === '' && Buffer.from(body.toString()).equals(body)) return body.toString();
  return `data:${type === '' ? 'application/octet-stream' : type};base64,${body.toString('base64')}`;
}

async function parseForm(body: Buffer, contentType: string): Promise<{ form: [string, string][]; files: [string, string][] }> {
  const form: [string, string][] = [];
  const files: [string, string][] = [];
  let data: FormData;
  try {
    data = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw new Refusal(400, 'error parsing request body: the form is malformed');
  }
  for (const [name, value] of data) {
    if (typeof value === 'string') form.push([name, value]);
    else files.push([name, asText(Buffer.from(await value.arrayBuffer()), '')]);
  }
  return { form, files };
}
