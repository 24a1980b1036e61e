// What can be wrong with the embedded store's file, with a stable code and what to do about it. Thrown when it is opened.

import type { Code } from '../../api/codes.ts';
import { CodedError } from '../../api/coded-error.ts';

export type StoreErrorCode = Extract<Code, `LAT011${number}`>;

export class StoreError extends CodedError<StoreErrorCode> {
  override readonly name = 'StoreError';

  constructor(code: StoreErrorCode, message: string, help: string, cause?: unknown) {
    super(code, message, help, { cause });
  }
}

/** SQLite's result codes that a person can do something about (sqlite.org/rescode.html). */
const busy = 5;
const readonly = 8;
const io = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;

/** Reads an error of node:sqlite. The file itself is never touched: what is in it may be all there is. */
export function storeError(file: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const result = resultCode(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (result === busy) {
    return new StoreError('LAT0111', `${file} is in use by another process`, 'stop it (lateen down), or give --state', error);
  }
  if (result === notADatabase) {
    return new StoreError('LAT0112', `${file} is not a Lateen store`, 'move it away, or give another folder with --state', error);
  }
  if (result === corrupt) {
    return new StoreError(
      'LAT0113',
      `${file} is damaged: ${reason}`,
      'move it away and apply your manifests again, or restore a copy; nothing was written to it',
      error,
    );
  }
  if (result === readonly || result === io || result === full || result === cannotOpen) {
    return new StoreError('LAT0115', `${file} cannot be written: ${reason}`, 'check its owner and the free space', error);
  }
  return new StoreError('LAT0113', `${file} cannot be used: ${reason}`, 'move it away, or give --state', error);
}

/** The primary result code, without SQLite's extension bits. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}
