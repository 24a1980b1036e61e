// A gRPC server on node:http2: Unix sockets, plaintext TCP (prior knowledge) and TLS. Carries xDS, SDS and the CA's calls.

import type { X509Certificate } from 'node:crypto';
import { createSecureServer, createServer, type Http2Server, type Http2SecureServer } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ServerCall, type GrpcHandler, type Peer } from './call.ts';
import { grpcStatus, trailersOf } from './status.ts';

export type GrpcAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** PEM texts. With `askClient` clients are asked for a certificate, never forced to show one: handlers decide (`Peer.certificates`). */
export interface ServerTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly askClient?: boolean;
}

export interface GrpcServerOptions {
  /** By full method path, `/package.Service/Method`. */
  readonly handlers: Readonly<Record<string, GrpcHandler>>;
  readonly listen: GrpcAddress;
  readonly tls?: ServerTls;
  /** The longest message accepted. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /** Connections at one time; more are closed at once. Default 20,000. */
  readonly maxConnections?: number;
  /** Calls at one time on one connection. Default 100. */
  readonly maxCallsPerConnection?: number;
  /** Milliseconds between pings; a peer that does not answer one before the next is cut off. Default 30,000. */
  readonly keepaliveMs?: number;
  /** What a handler or the listening socket failed on, for the log; never what a client sent wrong. */
  readonly onError?: (error: unknown) => void;
}

export interface GrpcServer {
  /** What it listens on; the port is the real one when 0 was asked for. */
  readonly address: GrpcAddress;
  readonly connections: number;
  /** New connections use this key and certificate. */
  renewTls(tls: ServerTls): void;
  /** Takes no more connections or calls, lets running calls end for `graceMs`, then ends them with UNAVAILABLE. */
  close(graceMs?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Connection {
  readonly peer: Peer;
  readonly calls: Set<ServerCall>;
  /** Whether it ever made a call; one that has not by its second ping is closed. */
  used: boolean;
  pinged: boolean;
  awaitingPong: boolean;
}

const contentType = /^application\/grpc(?:$|[+;])/;
/** A peer may hold this much of our memory in one connection's HTTP/2 state before new streams are refused (MB). */
const sessionMemory = 32;

/** Starts to listen; rejects when the address cannot be had (`EADDRINUSE`, `EACCES`, …). */
export async function serveGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  const { handlers, listen, maxMessageBytes = 4 << 20, maxConnections = 20_000, keepaliveMs = 30_000 } = options;
  const onError = options.onError ?? (() => {});
  const sessions = new Map<ServerHttp2Session, Connection>();
  const settings = { maxConcurrentStreams: options.maxCallsPerConnection ?? 100, enablePush: false };
  const shared = { settings, maxSessionMemory: sessionMemory };
  const secure = options.tls && createSecureServer({ ...shared, ...tlsOptions(options.tls), allowHTTP1: false });
  const server: Http2Server | Http2SecureServer = secure ?? createServer(shared);

  // Without this the kernel holds small pushes back for 40 ms (docs/adr/0001).
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    if (sessions.size >= maxConnections) socket.destroy();
  });
  // A socket that cannot become an HTTP/2 session is nobody's call: it is closed, and there is nothing to answer on it.
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  server.on('unknownProtocol', (socket: Socket) => socket.destroy());
  server.on('sessionError', (_error, session: ServerHttp2Session) => session.destroy());

  server.on('session', (session) => {
    sessions.set(session, { peer: peerOf(session, listen), calls: new Set(), used: false, pinged: false, awaitingPong: false });
    session.on('error', () => {});
    session.on('handlerError', onError);
    session.on('close', () => sessions.delete(session));
  });

  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    const connection = stream.session && sessions.get(stream.session as ServerHttp2Session);
    if (!connection || stream.destroyed) return stream.destroy();
    connection.used = true;
    if (headers[':method'] !== 'POST') return refuse(stream, { ':status': 405 });
    if (!contentType.test(headers['content-type'] ?? '')) return refuse(stream, { ':status': 415 });
    const call = new ServerCall(stream, headers, connection.peer);
    const handler = Object.hasOwn(handlers, call.path) ? handlers[call.path] : undefined;
    if (!handler) {
      const status = grpcStatus('unimplemented', `no method ${call.path.slice(0, 200)} here`);
      return refuse(stream, { ':status': 200, 'content-type': 'application/grpc', ...trailersOf(status) });
    }
    connection.calls.add(call);
    stream.on('close', () => connection.calls.delete(call));
    call.serve(handler, maxMessageBytes);
  });

  const keepalive = setInterval(() => {
    for (const [session, connection] of sessions) {
      if (connection.awaitingPong || (connection.pinged && !connection.used)) {
        session.destroy();
        continue;
      }
      if (session.destroyed || session.closed) continue;
      connection.awaitingPong = true;
      connection.pinged = true;
      session.ping((error) => {
        if (!error) connection.awaitingPong = false;
      });
    }
  }, keepaliveMs);
  keepalive.unref();

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen('path' in listen ? listen : { host: listen.host, port: listen.port }, () => {
      server.off('error', reject);
      server.on('error', onError);
      resolve();
    });
  });

  const close = async (graceMs = 0): Promise<void> => {
    clearInterval(keepalive);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const session of sessions.keys()) session.close();
    if (graceMs > 0 && sessions.size > 0) await Promise.race([closed, delay(graceMs)]);
    for (const { calls } of sessions.values())
      for (const call of calls) call.end(grpcStatus('unavailable', 'the server is going away'));
    await Promise.race([closed, delay(lastWordsMs)]);
    for (const session of sessions.keys()) session.destroy();
    await closed;
  };

  return {
    address: 'path' in listen ? listen : { host: listen.host, port: (server.address() as AddressInfo).port },
    get connections() {
      return sessions.size;
    },
    renewTls(tls) {
      secure?.setSecureContext(tlsOptions(tls));
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

/** How long a status may take to reach a client that is being shut out. */
const lastWordsMs = 200;

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

function refuse(stream: ServerHttp2Stream, headers: Record<string, string | number>): void {
  stream.respond(headers, { endStream: true });
  stream.resume();
}

const tlsOptions = ({ key, cert, askClient = false }: ServerTls) => ({
  key,
  cert,
  requestCert: askClient,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2' as const,
  ALPNProtocols: ['h2'],
});

/** Links beyond this are nobody's honest chain. */
const longestChain = 8;

function peerOf(session: ServerHttp2Session, listen: GrpcAddress): Peer {
  if ('path' in listen) return { transport: 'unix', address: listen.path, certificates: [] };
  const { socket } = session;
  const address = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
  if (session.encrypted !== true) return { transport: 'tcp', address, certificates: [] };
  const certificates: X509Certificate[] = [];
  let link = (socket as TLSSocket).getPeerX509Certificate();
  while (link && certificates.length < longestChain) {
    certificates.push(link);
    link = link.issuerCertificate === link ? undefined : link.issuerCertificate;
  }
  return { transport: 'tls', address, certificates };
}
