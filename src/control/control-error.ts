// What can keep the control plane from starting, with a stable code and what to do about it. Shown by the CLI.

import type { Code } from '../api/codes.ts';
import { CodedError } from '../api/coded-error.ts';

export type ControlErrorCode = Extract<Code, `LAT09${number}`>;

export class ControlError extends CodedError<ControlErrorCode> {
  override readonly name = 'ControlError';

  constructor(code: ControlErrorCode, message: string, help: string, cause?: unknown) {
    super(code, message, help, { cause });
  }
}

/** An error of `listen`, in words: which address, why, and what to do. */
export function listenError(what: string, address: string, option: string, error: unknown): ControlError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason =
    code === 'EADDRINUSE'
      ? 'the address is in use'
      : code === 'EACCES'
        ? 'not permitted'
        : code === 'EADDRNOTAVAIL'
          ? 'this host has no such address'
          : error instanceof Error
            ? error.message
            : String(error);
  return new ControlError(
    'LAT0902',
    `cannot listen on ${address} for ${what}: ${reason}`,
    `stop what uses it, or give another with ${option}`,
    error,
  );
}
