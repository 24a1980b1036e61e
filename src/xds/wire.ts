// Protobuf's wire form, by hand, for the few messages on the hot path: an ACK must cost microseconds, and a push must not copy.

/** Bytes that are no protobuf message. Who reads catches it: it leaves no room. */
export class WireError extends Error {}

export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get position(): number {
    return this.#at;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1, length = 0; length < 10; length += 1, scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new WireError('the message ends inside a number');
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new WireError('a number of more than ten bytes');
  }

  fixed64(): bigint {
    const at = this.#at;
    this.#step(8);
    return this.#bytes.readBigUInt64LE(at);
  }

  double(): number {
    const at = this.#at;
    this.#step(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** The bytes of a length-delimited field: a view, not a copy. */
  bytes(): Buffer {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError('a field is longer than its message');
    const field = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return field;
  }

  text(): string {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError('a field is longer than its message');
    const field = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return field;
  }

  /** Steps over a field whose tag was just read. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        return this.#step(8);
      case 2:
        return this.#step(this.varint());
      case 5:
        return this.#step(4);
      default:
        throw new WireError(`wire type ${tag & 7} is not in use`);
    }
  }

  #step(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new WireError('a field is longer than its message');
  }
}

/** The tag of a length-delimited field. */
const lengthDelimited = (field: number): number => (field << 3) | 2;

export const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
};

/** What a length-delimited field with a tag of one byte takes. */
export const fieldSize = (length: number): number => 1 + varintSize(length) + length;

/** Writes fields into a buffer of exactly the right size. */
export class WireWriter {
  readonly buffer: Buffer;
  #at = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** A tag and a length, whose bytes the caller adds or sends next. */
  head(field: number, length: number): this {
    this.buffer[this.#at++] = lengthDelimited(field);
    let rest = length;
    while (rest >= 128) {
      this.buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.#at++] = rest;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.head(field, value.length);
    this.buffer.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(field: number, value: string, length: number): this {
    this.head(field, length);
    this.#at += this.buffer.write(value, this.#at, length, 'utf8');
    return this;
  }
}
