// Every server of a differential test in one: it tells TLS, HTTP/2, HTTP/1 and bytes apart, and notes what arrived, where and how.

import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Leaf } from '../certificates.ts';
import { portsOf, type Ports } from './ports.ts';

export interface ArrivedTls {
  readonly sni: string;
  readonly alpn: string;
  /** The first URI of the certificate that was shown; empty for none. */
  readonly identity: string;
}

/** A request, or a connection whose bytes are not HTTP. */
export interface Arrival {
  readonly address: string;
  readonly port: number;
  readonly tls: ArrivedTls | undefined;
  readonly version: 'HTTP/1.1' | 'HTTP/2' | 'bytes';
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Names what a test sends, so that what arrives of it is found again. */
export const caseHeader = 'x-case';
/** What the server answers with. */
export const statusHeader = 'x-answer';
/** The first line of a connection that is not HTTP. */
export const lineOf = (id: string): string => `bytes of ${id}\n`;

export class Upstream {
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();
  readonly ports: Ports;

  private constructor(servers: readonly Server[], ports: Ports) {
    this.#servers = servers;
    this.ports = ports;
  }

  /** Listens on all loopback addresses, at a free port for each of the scenes' ports. */
  static async listen(ports: readonly number[], { cert, key }: Leaf): Promise<Upstream> {
    const servers = ports.map(() => createTcpServer().listen(0, '0.0.0.0'));
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const free = servers.map((server) => (server.address() as AddressInfo).port);
    const upstream = new Upstream(servers, portsOf(ports, free));
    const serve = upstream.#serving({ cert, key });
    for (const server of servers) {
      server.on('connection', (socket) => {
        upstream.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => upstream.#sockets.delete(socket));
        socket.once('data', (first: Buffer) => {
          serve(socket, undefined, first);
        });
      });
    }
    return upstream;
  }

  /** What arrives of a case, also what is still to come. */
  arrivals(id: string): readonly Arrival[] {
    const known = this.#arrivals.get(id) ?? [];
    this.#arrivals.set(id, known);
    return known;
  }

  forget(): void {
    this.#arrivals.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #note(id: string, arrival: Arrival): void {
    this.#arrivals.get(id)?.push(this.ports.told(arrival));
  }

  /** Serves a connection by its first bytes; `tls` is what was ended on it already, outermost first. */
  #serving({ cert, key }: Leaf) {
    const secureContext = createSecureContext({ cert, key, sessionIdContext: 'upstream' });
    const options = { isServer: true, secureContext, requestCert: true, rejectUnauthorized: false };
    const served = new WeakMap<object, ArrivedTls>();
    const heard = (request: IncomingMessage) => {
      const headers = pairs(request.rawHeaders);
      const value = (name: string) => headers.find(([each]) => each.toLowerCase() === name)?.[1];
      const { socket, method = '', url: path = '' } = request;
      const { localAddress: address = '', localPort: port = 0 } = socket;
      const authority = value('host') ?? '';
      this.#note(value(caseHeader) ?? '', {
        address,
        port,
        tls: served.get(socket),
        version: 'HTTP/1.1',
        method,
        authority,
        path,
        headers,
      });
      return Number(value(statusHeader) ?? 200);
    };
    // A connection stays as long as the proxy wants: one that is closed while a request is on its way fails it.
    const http1 = createHttpServer({ insecureHTTPParser: true, keepAliveTimeout: 0 }, (request, response) => {
      request.resume();
      response.writeHead(heard(request)).end('arrived');
    });
    http1.on('upgrade', (request: IncomingMessage, socket) => {
      heard(request);
      socket.on('error', () => {});
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    http1.on('clientError', (_error, socket) => socket.destroy());
    const sessions = new WeakMap<object, Socket>();
    const http2 = createHttp2Server({ settings: { enableConnectProtocol: true } });
    http2.on('session', (session) => session.on('error', () => {}));
    http2.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, rawHeaders: string[]) => {
      stream.on('error', () => {});
      const headers = pairs(rawHeaders);
      const value = (name: string) => headers.find(([each]) => each === name)?.[1] ?? '';
      const socket = stream.session === undefined ? undefined : sessions.get(stream.session);
      const { localAddress: address = '', localPort: port = 0 } = socket ?? {};
      this.#note(value(caseHeader), {
        address,
        port,
        tls: socket && served.get(socket),
        version: 'HTTP/2',
        method: value(':protocol') === '' ? value(':method') : 'GET',
        authority: value(':authority'),
        path: value(':path'),
        headers,
      });
      if (stream.destroyed) return;
      stream.respond({ ':status': Number(value(statusHeader) || 200) });
      stream.end('arrived');
    });
    const serve = (socket: Socket, tls: ArrivedTls | undefined, first: Buffer): void => {
      socket.pause();
      if (first.toString('latin1', 0, 6) === 'PRI * ') {
        // A session that finds bytes on its socket fails when they end it.
        const [session, inside] = duplexPair();
        for (const each of [session, inside]) each.on('error', () => socket.destroy());
        http2.once('session', (opened) => sessions.set(opened, socket));
        if (tls !== undefined) served.set(socket, tls);
        http2.emit('connection', session);
        inside.write(first);
        socket.pipe(inside).pipe(socket);
        return;
      }
      socket.unshift(first);
      if (first[0] === 0x16) {
        const secured = new TLSSocket(socket, { ...options, ALPNCallback: ({ protocols }) => chosen(protocols) });
        secured.on('error', () => socket.destroy());
        secured.on('secure', () => {
          const ended = tls ?? tlsOf(secured);
          secured.once('data', (inner: Buffer) => serve(secured, ended, inner));
        });
        return;
      }
      if (tls !== undefined) served.set(socket, tls);
      if (/^[A-Z]+ /.test(first.toString('latin1', 0, 12))) {
        http1.emit('connection', socket);
        process.nextTick(() => socket.resume());
      } else this.#bytes(socket, tls);
    };
    return serve;
  }

  /** Says back what it is told, after its first line is noted. */
  #bytes(socket: Socket, tls: ArrivedTls | undefined): void {
    const { localAddress: address = '', localPort: port = 0 } = socket;
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      const [, id] = /^bytes of (\S*)\n/.exec(text) ?? [];
      if (id === undefined) return;
      this.#note(id, { address, port, tls, version: 'bytes', method: '', authority: '', path: '', headers: [] });
      text = '';
      socket.write('arrived\n');
    });
    socket.on('end', () => socket.end());
    socket.resume();
  }
}

/** Raw headers, name by name. */
export const pairs = (raw: readonly string[]): [string, string][] =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2] ?? '', raw[index * 2 + 1] ?? '']);

/** What an application's server, or a sidecar's, would choose; here it may not choose nothing. */
const chosen = (offered: readonly string[]): string | undefined =>
  ['h2', 'http/1.1'].find((name) => offered.includes(name)) ?? offered[0];

function tlsOf(socket: TLSSocket): ArrivedTls {
  const { subjectaltname = '' } = socket.getPeerCertificate();
  const [, identity = ''] = /URI:([^,]*)/.exec(subjectaltname) ?? [];
  const { servername } = socket as { servername?: string | false };
  return { sni: servername === false || servername === undefined ? '' : servername, alpn: socket.alpnProtocol || '', identity };
}
