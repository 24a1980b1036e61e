// How checks say what they found, in one line each; the codes are in codes.ts.

import type { Code } from './codes.ts';
import type { Finding } from './kind.ts';
import type { Path } from './object.ts';

/** The object cannot be used as it is. */
export const error = (code: Code, path: Path, message: string, help: string): Finding => ({
  code,
  severity: 'error',
  path,
  message,
  help,
});

/** The object is used, but surely not as meant. */
export const warning = (code: Code, path: Path, message: string, help: string): Finding => ({
  code,
  severity: 'warning',
  path,
  message,
  help,
});
