// What broke in the laptop platform's machinery: an error with a stable code and what to do about it. Thrown all over this room.

import type { Code } from '../api/codes.ts';
import { CodedError } from '../api/coded-error.ts';

export type LocalErrorCode = Extract<Code, `LAT20${number}` | 'LAT0901'>;

export class LocalError extends CodedError<LocalErrorCode> {
  override readonly name = 'LocalError';
}
