// What broke in the host agent's machinery: an error with a stable code and what to do about it. Thrown all over this room.

import type { Code } from '../api/codes.ts';
import { CodedError } from '../api/coded-error.ts';

export type NodeErrorCode = Extract<Code, `LAT08${number}`>;

export class NodeError extends CodedError<NodeErrorCode> {
  override readonly name = 'NodeError';
}
