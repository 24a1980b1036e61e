// One gRPC call as a server's handler sees it: metadata and peer, messages in, messages and a status out.

import type { X509Certificate } from 'node:crypto';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { FrameReader, writeMessage } from './frame.ts';
import { grpcStatus, okStatus, trailersOf, type GrpcStatus } from './status.ts';

/** Who is at the other end of a connection, as the connection itself proves it. */
export interface Peer {
  readonly transport: 'unix' | 'tcp' | 'tls';
  /** The Unix socket's path, or `host:port` of the client. */
  readonly address: string;
  /** What the client showed, its leaf first, then the links it sent. It has the leaf's key; nothing else is checked. */
  readonly certificates: readonly X509Certificate[];
}

/** What a handler does with a call. All run to completion before the next is called; a throw ends the call with INTERNAL. */
export interface CallReceiver {
  message(message: Buffer): void;
  /** The client will send no more. */
  end?(): void;
  /** The bytes of earlier `send`s have left: there is room again. */
  drain?(): void;
  /** The call is over, whoever ended it. Called exactly once, last. */
  close?(): void;
}

/** How long a status may take to reach a client before its stream is closed for good. */
const lastWordsMs = 250;

export type GrpcHandler = (call: GrpcCall) => CallReceiver;

/** What a handler holds of its call. */
export interface GrpcCall {
  readonly path: string;
  readonly metadata: IncomingHttpHeaders;
  readonly peer: Peer;
  /** Whether sends still have an effect. */
  readonly open: boolean;
  /**
   * Sends one message made of several buffers, without copying the large ones: they must not change until the call is over. False
   * means that the client reads slower than this; the receiver's `drain` tells when there is room. On a closed call
   * nothing happens.
   */
  send(parts: readonly Uint8Array[]): boolean;
  /** Ends the call, OK by default: what was sent before still arrives. Later calls of `end` and `send` do nothing. */
  end(status?: GrpcStatus): void;
  /** Stops reading: flow control holds the client back. */
  pause(): void;
  resume(): void;
}

/** A call on an HTTP/2 stream. Made by the server only. */
export class ServerCall implements GrpcCall {
  readonly path: string;
  readonly metadata: IncomingHttpHeaders;
  readonly peer: Peer;
  readonly #stream: ServerHttp2Stream;
  #status: GrpcStatus = okStatus;
  #ended = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer) {
    this.path = headers[':path'] ?? '';
    this.metadata = headers;
    this.peer = peer;
    this.#stream = stream;
  }

  get open(): boolean {
    return !this.#ended && !this.#stream.destroyed && !this.#stream.closed;
  }

  send(parts: readonly Uint8Array[]): boolean {
    return this.open ? writeMessage(this.#stream, parts) : true;
  }

  end(status: GrpcStatus = okStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#status = status;
    if (!this.#stream.destroyed) this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Sends the headers and connects the stream to what `handler` returns. Called once, by the server. */
  serve(handler: GrpcHandler, maxMessageBytes: number): void {
    const stream = this.#stream;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    const receiver = this.#guard(() => handler(this));
    const reader = new FrameReader(maxMessageBytes, (message) => {
      if (this.open && receiver) this.#guard(() => receiver.message(message));
    });
    stream.on('wantTrailers', () => {
      if (stream.destroyed) return;
      stream.sendTrailers(trailersOf(this.#status));
      if (stream.readableEnded) return;
      // A client that goes on sending after the answer is cut off, but not before it had time to read the status.
      reader.drop();
      stream.resume();
      setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lastWordsMs).unref();
    });
    stream.on('data', (chunk: Buffer) => {
      const refusal = reader.push(chunk);
      if (refusal) this.end(refusal);
    });
    stream.on('end', () => {
      if (!reader.clean) this.end(grpcStatus('internal', 'the request ended inside a message'));
      else if (receiver?.end) this.#guard(() => receiver.end?.());
    });
    stream.on('drain', () => {
      if (this.open && receiver?.drain) this.#guard(() => receiver.drain?.());
    });
    stream.on('close', () => {
      this.#ended = true;
      reader.drop();
      if (receiver?.close) this.#guard(() => receiver.close?.());
    });
  }

  #guard<Result>(work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.#stream.session?.emit('handlerError', error);
      this.end(grpcStatus('internal', 'the server failed on this call'));
      return undefined;
    }
  }
}
