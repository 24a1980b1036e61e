// gRPC's message framing: a flag byte, a length of four bytes, the message. Bytes come in any pieces; nothing here throws.

import type { Writable } from 'node:stream';
import { grpcStatus, type GrpcStatus } from './status.ts';

const prefixLength = 5;

/** Up to here copying a part costs less than writing it by itself. */
const smallPart = 2048;

/** Writes one message made of `parts` in one go, without copying the large ones. False as `Writable.write`. */
export function writeMessage(stream: Writable, parts: readonly Uint8Array[]): boolean {
  let length = 0;
  for (const part of parts) length += part.length;
  stream.cork();
  let room = true;
  let small: Uint8Array[] = [framePrefix(length)];
  const join = () => {
    if (small.length > 0) room = stream.write(small.length === 1 ? small[0] : Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length <= smallPart) {
      small.push(part);
      continue;
    }
    join();
    room = stream.write(part);
  }
  join();
  stream.uncork();
  return room;
}

/** The five bytes before an uncompressed message. */
export function framePrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(prefixLength);
  prefix[0] = 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/**
 * Cuts a byte stream into messages. Holds at most one unfinished message, never more than `maxBytes` of it: a longer one is
 * refused when its length is read. After a refusal every further byte is dropped.
 */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #onMessage: (message: Buffer) => void;
  #chunks: Buffer[] = [];
  #held = 0;
  #refused = false;

  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Whether the stream stands between two messages. */
  get clean(): boolean {
    return this.#held === 0;
  }

  /** Takes bytes and delivers the messages they complete; answers the status to end the call with, if they are not acceptable. */
  push(chunk: Buffer): GrpcStatus | undefined {
    if (this.#refused || chunk.length === 0) return undefined;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= prefixLength) {
      const head = this.#peek(prefixLength);
      const length = head.readUInt32BE(1);
      const refusal = this.#refusal(head[0] ?? 0, length);
      if (refusal) {
        this.drop();
        return refusal;
      }
      if (this.#held < prefixLength + length) return undefined;
      this.#onMessage(this.#take(prefixLength + length).subarray(prefixLength));
    }
    return undefined;
  }

  /** Forgets what is held and ignores what follows. */
  drop(): void {
    this.#refused = true;
    this.#chunks = [];
    this.#held = 0;
  }

  #refusal(flags: number, length: number): GrpcStatus | undefined {
    if (flags === 1)
      return grpcStatus('unimplemented', 'compressed messages are not supported; send them with the identity encoding');
    if (flags !== 0) return grpcStatus('internal', 'bad message flag: this is not gRPC framing');
    if (length > this.#maxBytes)
      return grpcStatus('resourceExhausted', `message of ${length} bytes is larger than the limit of ${this.#maxBytes} bytes`);
    return undefined;
  }

  #peek(length: number): Buffer {
    const first = this.#chunks[0];
    if (first && first.length >= length) return first;
    return Buffer.concat(this.#chunks, length);
  }

  #take(length: number): Buffer {
    const first = this.#chunks[0];
    if (first && first.length >= length) {
      if (first.length === length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(length);
      this.#held -= length;
      return first.subarray(0, length);
    }
    const all = Buffer.concat(this.#chunks, this.#held);
    this.#chunks = this.#held === length ? [] : [all.subarray(length)];
    this.#held -= length;
    return all.subarray(0, length);
  }
}
