// Names that are not the mesh's: asked of the network's own DNS servers, one after the other. Called by the server.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { answersQuery, isTruncated, responseCodes, type Query } from './message.ts';
import { ReplyCache } from './reply-cache.ts';
import { FrameReader } from './tcp-frame.ts';

export interface Upstream {
  /** An IP address: to resolve a name here would go in a circle. */
  readonly address: string;
  /** Default 53. */
  readonly port?: number;
}

export interface ForwarderOptions {
  /** In order of preference; may be empty. */
  readonly upstreams: readonly Upstream[];
  /** For one query, all servers together. Default 5,000. */
  readonly timeoutMs?: number;
  /** Queries under way at one time; more fail at once. Default 1,000. */
  readonly maxInFlight?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Asks other servers. Never rejects: undefined means that none gave an answer in time. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache: ReplyCache;
  readonly #ended = new AbortController();
  #inFlight = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#cache = new ReplyCache(options.now ?? Date.now);
  }

  /** Whether there is anybody to ask. */
  get configured(): boolean {
    return this.#options.upstreams.length > 0;
  }

  /** The answer's bytes, with an id that is not the client's. */
  async ask(query: Query): Promise<Buffer | undefined> {
    const cached = this.#cache.get(query.bytes);
    if (cached !== undefined) return cached;
    const { upstreams, timeoutMs = 5000, maxInFlight = 1000 } = this.#options;
    if (this.#inFlight >= maxInFlight || this.#ended.signal.aborted) return undefined;
    this.#inFlight++;
    try {
      let lastResort: Buffer | undefined;
      for (const upstream of upstreams) {
        const answer = await this.#askOne(query, upstream, timeoutMs / upstreams.length);
        if (answer === undefined) continue;
        if (!isFailure(answer)) {
          this.#cache.put(query.bytes, answer);
          return answer;
        }
        lastResort = answer;
      }
      return lastResort;
    } finally {
      this.#inFlight--;
    }
  }

  close(): void {
    this.#ended.abort();
  }

  async #askOne(query: Query, upstream: Upstream, timeoutMs: number): Promise<Buffer | undefined> {
    const until = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#ended.signal]);
    // A fresh id and a fresh port for each query: a forger has to guess both.
    const sent = Buffer.from(query.bytes);
    sent.writeUInt16BE(randomInt(0x10000), 0);
    const answer = await overUdp(query, sent, upstream, until);
    if (answer === undefined || !isTruncated(answer)) return answer;
    return (await overTcp(query, sent, upstream, until)) ?? answer;
  }
}

/** SERVFAIL, NOTIMP and REFUSED say something about the server, not about the name: another may know better. */
function isFailure(answer: Buffer): boolean {
  const code = answer.readUInt16BE(2) & 0xf;
  return code === responseCodes.failed || code === responseCodes.refused || code === responseCodes.notImplemented;
}

function overUdp(query: Query, sent: Buffer, { address, port = 53 }: Upstream, until: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = settle(until, resolve, () => socket.close());
    socket.on('error', () => end(undefined));
    // Connected: the kernel drops what others send, and reports a port where nobody listens.
    socket.on('connect', () => socket.send(sent, (error) => error && end(undefined)));
    socket.on('message', (bytes) => {
      if (answersQuery(bytes, sent, query.question)) end(bytes);
    });
    socket.connect(port, address);
  });
}

function overTcp(query: Query, sent: Buffer, { address, port = 53 }: Upstream, until: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = settle(until, resolve, () => socket.destroy());
    const reader = new FrameReader((bytes) => {
      if (answersQuery(bytes, sent, query.question)) end(Buffer.from(bytes));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(sent.length);
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.end(Buffer.concat([length, sent]));
  });
}

/** Ends an exchange exactly once: by its outcome, or without one when `until` is aborted. */
function settle<T>(until: AbortSignal, resolve: (outcome: T | undefined) => void, close: () => void) {
  let over = false;
  const end = (outcome: T | undefined) => {
    if (over) return;
    over = true;
    until.removeEventListener('abort', stop);
    close();
    resolve(outcome);
  };
  const stop = () => end(undefined);
  until.addEventListener('abort', stop);
  if (until.aborted) stop();
  return end;
}
