// A gRPC client on node:http2: one connection, any number of calls. The host agent's way to control, and the tests' way in.

import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { FrameReader, writeMessage } from './frame.ts';
import type { GrpcAddress } from './server.ts';
import { GrpcError, grpcStatus, statusCode, statusOf, statusOfHttp, type GrpcStatus } from './status.ts';

/** PEM texts. The server must show a certificate that `ca` signed, valid for `serverName`. */
export interface ClientTls {
  readonly ca: string | Buffer;
  readonly serverName: string;
  readonly key?: string | Buffer;
  readonly cert?: string | Buffer;
}

export interface GrpcClientOptions {
  readonly tls?: ClientTls;
  /** The longest message accepted. Default 64 MiB: a first answer of xDS is large. */
  readonly maxMessageBytes?: number;
  /** How long connecting may take. Default 10,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds between pings; a server that does not answer one before the next is given up. Default 30,000. */
  readonly keepaliveMs?: number;
}

export type Metadata = Readonly<Record<string, string>>;

/** What the caller does with a call's answers. */
export interface ClientReceiver {
  message(message: Buffer): void;
  drain?(): void;
  /** The call is over, whoever ended it: exactly once, last. A lost connection is UNAVAILABLE. */
  close(status: GrpcStatus): void;
}

export interface ClientCall {
  /** As `GrpcCall.send`: one message of several buffers; false when the server reads slower than this. */
  send(parts: readonly Uint8Array[]): boolean;
  /** Sends no more; answers still come. */
  end(): void;
  /** Ends the call at once in both directions. */
  cancel(): void;
  pause(): void;
  resume(): void;
}

export interface GrpcClient {
  stream(path: string, metadata: Metadata, receiver: ClientReceiver): ClientCall;
  /** Rejects with GrpcError. `timeoutMs` is also told to the server. */
  unary(path: string, request: Uint8Array, options?: { metadata?: Metadata; timeoutMs?: number }): Promise<Buffer>;
  /** Resolves when the connection is over, whatever ended it. */
  readonly closed: Promise<void>;
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Flow-control windows of ours: a push of some MB must not wait for a round trip every 64 KB. */
const streamWindow = 4 << 20;
const connectionWindow = 16 << 20;

/** Connects; rejects with GrpcError UNAVAILABLE when the server cannot be reached or does not prove its name. */
export async function connectGrpc(address: GrpcAddress, options: GrpcClientOptions = {}): Promise<GrpcClient> {
  const { maxMessageBytes = 64 << 20, keepaliveMs = 30_000 } = options;
  const session = await openSession(address, options);
  let awaitingPong = false;
  const keepalive = setInterval(() => {
    if (awaitingPong) return session.destroy();
    awaitingPong = true;
    session.ping((error) => {
      if (!error) awaitingPong = false;
    });
  }, keepaliveMs);
  keepalive.unref();
  const closed = new Promise<void>((resolve) => {
    session.once('close', () => {
      clearInterval(keepalive);
      resolve();
    });
  });

  const stream: GrpcClient['stream'] = (path, metadata, receiver) =>
    startCall(session, path, metadata, receiver, maxMessageBytes);
  return {
    stream,
    unary: (path, request, { metadata = {}, timeoutMs } = {}) =>
      new Promise((resolve, reject) => {
        let answer: Buffer | undefined;
        const headers = timeoutMs === undefined ? metadata : { ...metadata, 'grpc-timeout': `${Math.ceil(timeoutMs)}m` };
        let late: NodeJS.Timeout | undefined;
        const call = stream(path, headers, {
          message: (message) => {
            answer ??= message;
          },
          close: (status) => {
            clearTimeout(late);
            if (status.code !== statusCode.ok) reject(new GrpcError(status));
            else if (answer) resolve(answer);
            else reject(new GrpcError(grpcStatus('internal', 'the server answered OK without a message')));
          },
        });
        if (timeoutMs !== undefined) {
          late = setTimeout(() => {
            reject(new GrpcError(grpcStatus('deadlineExceeded', `no answer within ${timeoutMs} ms`)));
            call.cancel();
          }, timeoutMs);
        }
        call.send([request]);
        call.end();
      }),
    closed,
    close: () => session.destroy(),
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await closed;
    },
  };
}

function openSession(address: GrpcAddress, options: GrpcClientOptions): Promise<ClientHttp2Session> {
  const { tls, connectTimeoutMs = 10_000 } = options;
  const target = 'path' in address ? { path: address.path } : { host: address.host, port: address.port };
  const place = 'path' in address ? address.path : `${address.host}:${address.port}`;
  // The authority is a name for the server's logs; a Unix socket has none of its own.
  const authority = 'path' in address || tls ? (tls?.serverName ?? 'localhost') : place;
  const open = (): Socket | TLSSocket =>
    tls
      ? connectTls({
          ...target,
          ca: tls.ca,
          servername: tls.serverName,
          ...(tls.key !== undefined && { key: tls.key }),
          ...(tls.cert !== undefined && { cert: tls.cert }),
          ALPNProtocols: ['h2'],
          minVersion: 'TLSv1.2',
        })
      : connectSocket(target);
  return new Promise((resolve, reject) => {
    const socket = open();
    socket.setNoDelay(true);
    const session = connect(`${tls ? 'https' : 'http'}://${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindow },
    });
    const fail = (cause?: unknown) => {
      clearTimeout(late);
      session.destroy();
      const why = cause instanceof Error ? cause.message : 'the connection closed';
      reject(new GrpcError(grpcStatus('unavailable', `cannot connect to ${place}: ${why}`), { cause }));
    };
    const late = setTimeout(() => fail(new Error(`no answer within ${connectTimeoutMs} ms`)), connectTimeoutMs);
    session.on('error', fail);
    session.once('close', fail);
    // The server's first SETTINGS prove that it speaks HTTP/2; a bare connect does not.
    session.once('remoteSettings', () => {
      clearTimeout(late);
      session.off('close', fail);
      session.setLocalWindowSize(connectionWindow);
      resolve(session);
    });
  });
}

function startCall(
  session: ClientHttp2Session,
  path: string,
  metadata: Metadata,
  receiver: ClientReceiver,
  maxMessageBytes: number,
): ClientCall {
  let stream: ClientHttp2Stream | undefined;
  let status: GrpcStatus | undefined;
  try {
    stream = session.request({
      ...metadata,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
  } catch {
    // The session closed: told below, after this call returned, so that every caller hears of it the same way.
  }
  const lost = grpcStatus('unavailable', 'the connection was lost');
  if (!stream) {
    queueMicrotask(() => receiver.close(lost));
    return { send: () => true, end() {}, cancel() {}, pause() {}, resume() {} };
  }
  const open = stream;
  const reader = new FrameReader(maxMessageBytes, (message) => receiver.message(message));
  const settle = (headers: IncomingHttpHeaders) => {
    status ??= statusOf(headers);
  };
  open.on('response', (headers) => {
    if (headers[':status'] !== 200) status ??= statusOf(headers) ?? statusOfHttp(headers[':status'] ?? 0);
    else settle(headers);
  });
  open.on('trailers', settle);
  open.on('data', (chunk: Buffer) => {
    const refusal = reader.push(chunk);
    if (!refusal) return;
    status = refusal;
    open.close(constants.NGHTTP2_CANCEL);
  });
  open.on('drain', () => receiver.drain?.());
  open.on('error', () => {});
  open.on('close', () => {
    reader.drop();
    receiver.close(status ?? lost);
  });
  return {
    send(parts) {
      if (open.destroyed || open.closed || open.writableEnded) return true;
      return writeMessage(open, parts);
    },
    end: () => {
      if (!open.destroyed) open.end();
    },
    cancel: () => {
      status ??= grpcStatus('cancelled', 'cancelled by this client');
      open.close(constants.NGHTTP2_CANCEL);
    },
    pause: () => void open.pause(),
    resume: () => void open.resume(),
  };
}
