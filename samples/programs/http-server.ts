// The HTTP server under every demo program: routes one handler, logs each request, bounds bodies, drains on SIGTERM.

import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { log } from './log.ts';
import { listen, onStop } from './ports.ts';

/** One request as a handler sees it: the path split off its query, which is decoded. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `GET`, `HEAD`, … as sent. */
  readonly method: string;
  /** Still percent-encoded, always starting with `/`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Answers a request, or returns false for a path it does not know. */
export type Handler = (exchange: Exchange) => Promise<boolean> | boolean;

/** An answer other than success that a handler can throw. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Upgrade {
  wants(request: IncomingMessage): boolean;
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface ServeOptions {
  readonly port: number;
  readonly address?: string;
  /** How errors look on the wire; the default is `{"error": message}`. */
  readonly errorBody?: (status: number, message: string) => unknown;
  /** Takes over connections; a request to upgrade that `wants` refuses is answered as if it had not asked. */
  readonly upgrade?: Upgrade;
}

/** Serves `handler` until a signal; requests under way are finished first. */
export function serve(handler: Handler, options: ServeOptions): void {
  const errorBody = options.errorBody ?? ((_status: number, message: string) => ({ error: message }));
  let stopping = false;

  const { upgrade } = options;
  const shouldUpgradeCallback = (request: IncomingMessage): boolean => upgrade?.wants(request) ?? false;
  const server = createServer({ maxHeaderSize: 64 * 1024, shouldUpgradeCallback }, (request, response) => {
    const started = performance.now();
    const exchange = parseRequest(request, response);
    if (stopping) response.setHeader('connection', 'close');
    response.once('close', () => {
      log('info', 'request', {
        method: exchange.method,
        path: exchange.path.slice(0, 200),
        status: response.statusCode,
        complete: response.writableFinished,
        ms: Math.round(performance.now() - started),
        requestId: one(request.headers['x-request-id']),
      });
      if (stopping) server.closeIdleConnections();
    });
    answer(handler, exchange, errorBody).catch((error: unknown) => {
      log('error', 'the answer could not be sent', { error: String(error) });
      response.destroy();
    });
  });

  // A proxy keeps idle connections for an hour; a server that closes them earlier makes it send requests into closed connections.
  server.keepAliveTimeout = 65 * 60_000;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    else socket.destroy();
  });
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => upgrade?.take(request, socket, head));

  listen(server, options.port, options.address);
  onStop(() => {
    stopping = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

async function answer(
  handler: Handler,
  exchange: Exchange,
  errorBody: (status: number, message: string) => unknown,
): Promise<void> {
  const { response } = exchange;
  try {
    if (await handler(exchange)) return;
    sendJson(exchange, 404, errorBody(404, `no such path: ${exchange.path.slice(0, 200)}`));
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const refusal = asRefusal(error);
    // What is left of the body is not worth reading.
    if (refusal?.status === 413) response.setHeader('connection', 'close');
    const status = refusal?.status ?? 500;
    if (refusal === undefined) log('error', 'a request failed', { path: exchange.path.slice(0, 200), error: String(error) });
    sendJson(exchange, status, errorBody(status, refusal?.message ?? 'internal error'));
  }
}

/** What the caller got wrong; undefined for what we did. */
function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_INVALID_CHAR' || code === 'ERR_INVALID_HTTP_TOKEN')
    return new Refusal(400, 'a header asked for cannot be sent');
  if (code === 'ECONNRESET') return new Refusal(400, 'the body ended early');
  return undefined;
}

function parseRequest(request: IncomingMessage, response: ServerResponse): Exchange {
  let target = request.url ?? '/';
  // A proxy may be sent the absolute form, `GET http://host/path`.
  if (!target.startsWith('/')) target = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  return {
    request,
    response,
    method: request.method ?? 'GET',
    path: path.startsWith('/') ? path : `/${path}`,
    query: new URLSearchParams(question < 0 ? '' : target.slice(question + 1)),
  };
}

/** Sends a whole answer with its length; true, so that a handler can return it. */
export function send(
  { response, method }: Exchange,
  status: number,
  type: string,
  body: string | Buffer,
  headers: OutgoingHttpHeaders = {},
): true {
  const bytes = Buffer.from(body);
  const bodiless = status === 204 || status === 304;
  response.writeHead(status, bodiless ? headers : { 'content-type': type, 'content-length': bytes.length, ...headers });
  response.end(bodiless || method === 'HEAD' ? undefined : bytes);
  return true;
}

export function sendJson(exchange: Exchange, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): true {
  return send(exchange, status, 'application/json', JSON.stringify(value), headers);
}

/** The request's body, or a 413 when it is longer than `limit` bytes. */
export async function readBody(request: IncomingMessage, limit = 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop must not destroy the request: its connection still has to carry the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new Refusal(413, `the body is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Percent-decodes one path segment; a 400 where it is malformed. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal(400, 'the path holds a malformed percent-encoding');
  }
}

/** The cookies of a request; the first of a name wins. */
export function parseCookies(header: string | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim();
    if (equals > 0 && !cookies.has(name))
      cookies.set(
        name,
        pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return cookies;
}

/** A header's value, the first where it came more than once. */
export function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
