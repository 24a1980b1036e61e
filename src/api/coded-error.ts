// What an error of any room's machinery is to a person: a code of the list, what happened, what to do. Each room has its own class.

import type { Code } from './codes.ts';

/** What rooms' own error classes are made of; `Own` are the codes of the room. */
export abstract class CodedError<Own extends Code = Code> extends Error {
  readonly code: Own;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: Own, message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }
}

/** The words of an error without a code or help are its message alone. */
export type ErrorWords = { readonly message: string; readonly code?: unknown; readonly help?: unknown };

const ownCode = /^(?:LAT|IST)\d{4}$/;

/** `LAT0902: cannot listen on 127.0.0.1:15010: the address is in use (stop what uses it, or give another with --xds)`. */
export function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const { message, code, help } = error as ErrorWords;
  const before = typeof code === 'string' && ownCode.test(code) ? `${code}: ` : '';
  const after = typeof help === 'string' && help !== '' ? ` (${help})` : '';
  return `${before}${message}${after}`;
}
