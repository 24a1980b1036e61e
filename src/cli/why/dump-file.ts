// Files of an Envoy's dump as text: as they were taken, or compressed, or from standard input.

import { readFileSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { Failure } from '../failure.ts';

/** Far larger than any proxy's configuration. */
const largest = 512 * 1024 * 1024;

const advice = 'take one with curl ADMIN/config_dump?include_eds, or istioctl proxy-config all POD -o json';

/** Throws a `Failure` that says why there is no text. */
export function dumpText(path: string): string {
  const bytes = bytesOf(path);
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? unpacked(path, bytes) : bytes;
  // PowerShell writes so what it is told to keep.
  const encoding = plain[0] === 0xff && plain[1] === 0xfe ? 'utf-16le' : 'utf-8';
  return new TextDecoder(encoding).decode(plain);
}

/** Of what is cut short, what can be had. */
function unpacked(path: string, bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: largest, finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    throw unreadableDump([path], 'it is compressed, and cannot be unpacked');
  }
}

function bytesOf(path: string): Buffer {
  try {
    if (path !== '-' && statSync(path).size > largest) throw new Error(`it is larger than ${largest / 1024 / 1024} MiB`);
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : error instanceof Error
            ? error.message
            : String(error);
    throw new Failure(`cannot read ${path}: ${why}`, advice);
  }
}

export const unreadableDump = (paths: readonly string[], why: string): Failure =>
  new Failure(`${paths.join(', ')} ${paths.length === 1 ? 'is' : 'are'} no dump that can be read: ${why}`, advice);
