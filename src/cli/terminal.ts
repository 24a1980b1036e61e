// Where verbs write: results to standard output, words for people to standard error, colour only where somebody looks.

import { stripVTControlCharacters, styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** A line of the result. */
  line(text?: string): void;
  /** Text of the result, as it is. */
  write(text: string): void;
  /** A line for people. */
  note(text: string): void;
  /** Coloured where standard output is a terminal and NO_COLOR is not set; `note` takes colour away where standard error is none. */
  style(style: Style, text: string): string;
  readonly interactive: boolean;
  /** How wide standard output is, where it is a terminal. */
  readonly columns: number | undefined;
  /** Ends the verb: Ctrl-C, SIGTERM, or a reader that went away. */
  readonly signal: AbortSignal;
}

export function processTerminal(): Terminal & { readonly interrupted: () => boolean } {
  const ended = new AbortController();
  let interrupted = false;
  const stop = (): void => {
    // A second Ctrl-C means now.
    if (ended.signal.aborted) process.exit(130);
    interrupted = true;
    ended.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // `lateen get vs | head -1`: the reader has what it wanted.
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  return {
    line: (text = '') => void process.stdout.write(`${text}\n`),
    write: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(`${process.stderr.isTTY ? text : stripVTControlCharacters(text)}\n`),
    style: (style, text) => styleText(style, text, { stream: process.stdout }),
    interactive: process.stdout.isTTY,
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    signal: ended.signal,
    interrupted: () => interrupted,
  };
}
