// The last lines that a process wrote, in memory and in a file, both bounded. Feeds `lateen proxy … log` and error messages.

import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import type { Readable } from 'node:stream';

export interface ProxyLogOptions {
  /** Where lines are also kept; the older half moves to `FILE.1`. Its folder must not be writable by the process itself. */
  readonly file?: string;
  /** Bytes over which the file is moved away; default 8 MiB. */
  readonly maxFileBytes?: number;
  /** Lines kept in memory; default 500. */
  readonly maxLines?: number;
}

const longestLine = 8 * 1024;
/** What may wait for a slow disk; more is dropped, and the file says so. */
const maxPending = 1024 * 1024;

export class ProxyLog {
  readonly #file: string | undefined;
  readonly #maxFileBytes: number;
  readonly #maxLines: number;
  readonly #lines: string[] = [];
  #pending: string[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #handle: FileHandle | undefined;
  #fileBytes = 0;

  constructor({ file, maxFileBytes = 8 * 1024 * 1024, maxLines = 500 }: ProxyLogOptions = {}) {
    this.#file = file;
    this.#maxFileBytes = maxFileBytes;
    this.#maxLines = maxLines;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes in a stream's lines until it ends. A line longer than 8 KiB is cut into several. */
  read(stream: Readable): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.write(line);
      for (; rest.length > longestLine; rest = rest.slice(longestLine)) this.write(rest.slice(0, longestLine));
    });
    stream.on('end', () => {
      if (rest !== '') this.write(rest);
    });
    stream.on('error', () => {});
  }

  write(line: string): void {
    const text = line.slice(0, longestLine);
    this.#lines.push(text);
    if (this.#lines.length > this.#maxLines) this.#lines.shift();
    if (this.#file === undefined) return;
    if (this.#pendingBytes > maxPending) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(text);
    this.#pendingBytes += text.length;
    this.#writing ??= this.#flush(this.#file).finally(() => {
      this.#writing = undefined;
    });
  }

  /** Waits for the file to have every line, and closes it. The lines in memory stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** A log that cannot be written must not stop a proxy: the lines in memory remain. */
  async #flush(path: string): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      if (this.#dropped > 0) lines.push(`(${this.#dropped} lines were dropped here: the disk is slower than the log)`);
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#dropped = 0;
      try {
        await this.#append(path, `${lines.join('\n')}\n`);
      } catch (error) {
        const last = this.#lines.at(-1);
        const complaint = `(this log cannot be written to ${path}: ${error instanceof Error ? error.message : String(error)})`;
        if (last !== complaint) this.#lines.push(complaint);
      }
    }
  }

  async #append(path: string, text: string): Promise<void> {
    if (this.#fileBytes > this.#maxFileBytes) {
      await this.#handle?.close();
      this.#handle = undefined;
      this.#fileBytes = 0;
      await rename(path, `${path}.1`);
    }
    if (this.#handle === undefined) {
      // Not through a link that somebody put there: this process may be root.
      const how = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
      this.#handle = await open(path, how, 0o600);
      this.#fileBytes = (await this.#handle.stat()).size;
    }
    await this.#handle.appendFile(text);
    this.#fileBytes += Buffer.byteLength(text);
  }
}
