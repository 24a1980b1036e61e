// DNS over TCP: two bytes of length, then the message (RFC 1035 §4.2.2). Cuts a stream into messages, for server and forwarder.

/** Holds at most one unfinished message: 64 KB. */
export class FrameReader {
  readonly #onMessage: (message: Buffer) => void;
  #held = Buffer.alloc(0);

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (bytes.length < end) break;
      this.#onMessage(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    this.#held = Buffer.from(bytes);
  }
}

/** A message as it goes into the stream. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length);
  message.copy(framed, 2);
  return framed;
}
