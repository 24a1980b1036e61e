// One container's output on disk: bounded, rotated, split by run, so that `lateen logs` reads and follows it.

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file grows to this size, then becomes the older half of what is kept. */
const largestFile = 5 * 1024 * 1024;

export interface LogFiles {
  /** The run that is going on, or the last one. */
  readonly current: string;
  /** What the current run wrote before its file grew too long. */
  readonly older: string;
  /** The end of the run before. */
  readonly previous: string;
}

export const logFiles = (folder: string, container: string): LogFiles => ({
  current: `${folder}/${container}.log`,
  older: `${folder}/${container}.older.log`,
  previous: `${folder}/${container}.previous.log`,
});

/** Takes what a container writes. Writes are synchronous: they are short, and the last words of a dying program matter most. */
export class LogFile implements Disposable {
  readonly #files: LogFiles;
  readonly #largest: number;
  #fd: number;
  #size = 0;

  /** Starts a run: what the last one wrote becomes `previous`. */
  constructor(files: LogFiles, largest = largestFile) {
    this.#files = files;
    this.#largest = largest;
    mkdirSync(dirname(files.current), { recursive: true, mode: 0o700 });
    if (existsSync(files.current)) renameSync(files.current, files.previous);
    rmSync(files.older, { force: true });
    this.#fd = openSync(files.current, 'a', 0o600);
  }

  write(chunk: Uint8Array | string): void {
    if (this.#fd < 0) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#size > 0 && this.#size + bytes.length > this.#largest) {
      closeSync(this.#fd);
      renameSync(this.#files.current, this.#files.older);
      this.#fd = openSync(this.#files.current, 'a', 0o600);
      this.#size = 0;
    }
    writeSync(this.#fd, bytes);
    this.#size += bytes.length;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

export interface LogOptions {
  readonly follow?: boolean | undefined;
  readonly previous?: boolean | undefined;
  /** Only the last lines. */
  readonly tail?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const chunkBytes = 64 * 1024;

/** The kept output in chunks; with `follow`, then what comes, across rotation and restarts, until the signal aborts. */
export async function* readLog(files: LogFiles, options: LogOptions): AsyncGenerator<Uint8Array> {
  const paths = options.previous === true ? [files.previous] : [files.older, files.current];
  if (options.tail !== undefined) yield lastLines(Buffer.concat(paths.flatMap((path) => [...readWhole(path)])), options.tail);
  else for (const path of paths) yield* readWhole(path);
  if (options.follow !== true || options.previous === true) return;
  yield* follow(files.current, options.signal);
}

function* readWhole(path: string): Generator<Buffer> {
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r');
  try {
    yield* readFrom(fd, 0);
  } finally {
    closeSync(fd);
  }
}

function* readFrom(fd: number, start: number): Generator<Buffer> {
  for (let at = start; ;) {
    const chunk = Buffer.alloc(chunkBytes);
    const length = readSync(fd, chunk, 0, chunkBytes, at);
    if (length === 0) return;
    at += length;
    yield chunk.subarray(0, length);
  }
}

async function* follow(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let fd = existsSync(path) ? openSync(path, 'r') : -1;
  let at = fd < 0 ? 0 : fstatSync(fd).size;
  try {
    while (signal?.aborted !== true) {
      await new Promise<void>((resolve) => setTimeout(resolve, 200));
      if (fd >= 0) {
        for (const chunk of readFrom(fd, at)) {
          at += chunk.length;
          yield chunk;
        }
      }
      // Another inode under the name: the file was rotated, or a new run began.
      const inode = existsSync(path) ? statSync(path).ino : undefined;
      if (inode === undefined || (fd >= 0 && fstatSync(fd).ino === inode)) continue;
      if (fd >= 0) closeSync(fd);
      fd = openSync(path, 'r');
      at = 0;
    }
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** The same as text in whole lines; what a program wrote last without a line's end comes when the log ends. */
export async function* readLogLines(files: LogFiles, options: LogOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of readLog(files, options)) {
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    if (end > 0) yield text.slice(0, end);
  }
  if (rest !== '') yield `${rest}\n`;
}

export function lastLines(text: Buffer, count: number): Buffer {
  if (count <= 0) return Buffer.alloc(0);
  let from = text.length;
  if (text[from - 1] === 0x0a) from--;
  for (let left = count; left > 0; left--) {
    if (from <= 0) return text;
    from = text.lastIndexOf(0x0a, from - 1);
    if (from < 0) return text;
  }
  return text.subarray(from + 1);
}
