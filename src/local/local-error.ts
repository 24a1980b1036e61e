// What broke in the laptop platform's machinery: an error with a stable code and what to do about it. Thrown all over this room.

import type { Code } from '../api/codes.ts';
import type { CodedError } from '../api/coded-error.ts';

export type LocalErrorCode = Extract<Code, `LAT20${number}` | 'LAT0901'>;

export class LocalError extends Error implements CodedError {
  override readonly name = 'LocalError';
  readonly code: LocalErrorCode;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: LocalErrorCode, message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }
}
