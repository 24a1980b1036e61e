// Bytes between the host and the sandbox in frames, so that an orderly end and a broken connection stay different things on the way.

import { Transform, type TransformCallback } from 'node:stream';

/** A frame is its length in 4 bytes and then its bytes; a frame of no bytes says that the sender has finished. */
const headBytes = 4;
/** Larger than any chunk that a socket gives; more is not from us. */
const largestFrame = 1024 * 1024;

export const framed = (): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.length === 0) return done();
      const head = Buffer.alloc(headBytes);
      head.writeUInt32BE(chunk.length);
      this.push(head);
      done(null, chunk);
    },
    flush(done) {
      done(null, Buffer.alloc(headBytes));
    },
  });

/** Fails where the sender's stream ends before it said that it has finished. */
export class Unframed extends Transform {
  #head = Buffer.alloc(0);
  #left = 0;
  #finished = false;

  /** Whether the sender has said that it has finished. */
  get finished(): boolean {
    return this.#finished;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    for (let rest = chunk; rest.length > 0 && !this.#finished;) {
      if (this.#left === 0) {
        const missing = headBytes - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < headBytes) break;
        this.#left = this.#head.readUInt32BE();
        this.#head = Buffer.alloc(0);
        if (this.#left > largestFrame) return done(new Error('a frame is too large'));
        this.#finished = this.#left === 0;
      } else {
        const part = rest.subarray(0, this.#left);
        this.push(part);
        this.#left -= part.length;
        rest = rest.subarray(part.length);
      }
    }
    if (this.#finished) this.push(null);
    done();
  }

  override _flush(done: TransformCallback): void {
    done(this.#finished ? null : new Error('the connection broke'));
  }
}
