// The authority's files on disk: made once, whole or not at all, never overwritten, and private. Used by authority and tokens.

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Code } from '../api/codes.ts';
import { CodedError } from '../api/coded-error.ts';

export type AuthorityErrorCode = Extract<Code, `LAT07${number}`>;

/** The authority cannot start. The message says which file, and why. */
export class AuthorityError extends CodedError<AuthorityErrorCode> {
  override readonly name = 'AuthorityError';
}

/** No file of the authority is near this size; a bigger one is not read. */
const largestFile = 1024 * 1024;
const forOthers = 0o077;

/** Makes the folder with mode 0700, or checks that an existing one is nobody else's to enter. */
export async function privateFolder(path: string): Promise<void> {
  await guarded(path, async () => {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode } = await stat(path);
    if ((mode & forOthers) !== 0) throw exposed(path, mode, `chmod 700 ${path}`);
  });
}

/** The text of a file, or undefined when there is none. `secret` refuses a file that others may read. */
export async function readIfThere(path: string, secret: boolean): Promise<string | undefined> {
  return guarded(path, async () => {
    const found = await stat(path).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    if (secret && (found.mode & forOthers) !== 0) {
      throw exposed(path, found.mode, `chmod 600 ${path} if nobody else has read it, else replace the key`);
    }
    if (!found.isFile() || found.size > largestFile) {
      throw new AuthorityError('LAT0703', `${path} is not a PEM file`, 'put the right file there');
    }
    return readFile(path, 'utf8');
  });
}

/**
 * Puts a file where none is, and answers what is there afterwards: `text`, or what another process put there first.
 * The file appears complete and on disk, by a link from a temporary name, which unlike a rename never replaces one.
 */
export async function createOnce(path: string, text: string, mode: number): Promise<string> {
  return guarded(path, async () => {
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(temporary, path);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      return await readFile(path, 'utf8');
    } finally {
      await unlink(temporary);
    }
    await syncFolder(join(path, '..'));
    return text;
  });
}

/** Without this a crash of the machine can lose the new name though the file's bytes are safe. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuthorityError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AuthorityError('LAT0701', `${path}: ${reason}`, 'give this user the folder, or choose another', { cause: error });
  }
}

const exposed = (path: string, mode: number, help: string): AuthorityError =>
  new AuthorityError('LAT0702', `${path} has mode ${(mode & 0o777).toString(8)}: others can read or change it`, help);

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code;
