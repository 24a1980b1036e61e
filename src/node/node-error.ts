// What broke in the host agent's machinery: an error with a stable code and what to do about it. Thrown all over this room.

import type { Code } from '../api/codes.ts';
import type { CodedError } from '../api/coded-error.ts';

export type NodeErrorCode = Extract<Code, `LAT08${number}`>;

export class NodeError extends Error implements CodedError {
  override readonly name = 'NodeError';
  readonly code: NodeErrorCode;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: NodeErrorCode, message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }
}
