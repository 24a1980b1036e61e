// Text that must never be printed: a private key or a token, held so that logs, JSON and inspection show `[redacted]`.

import { inspect } from 'node:util';

const hidden = '[redacted]';

/**
 * Holds a secret and gives it only to the caller that asks by name. String conversion, `JSON.stringify`, template
 * literals, `console.log` and `util.inspect` all show `[redacted]`.
 */
export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The secret itself. Every call of this is a place to review. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.toPrimitive](): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
