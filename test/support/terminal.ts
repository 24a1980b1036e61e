// A terminal that only remembers what was written to it: for tests of verbs inside this process.

import type { Style, Terminal } from '../../src/cli/terminal.ts';

export interface RecordedTerminal {
  readonly terminal: Terminal;
  /** What went to standard output so far. */
  readonly out: () => string;
  /** What was said to people so far. */
  readonly err: () => string;
  /** Both, as they came. */
  readonly both: () => string;
}

export function recordedTerminal({ style = (_style: Style, text: string): string => text } = {}): RecordedTerminal {
  let [out, err, both] = ['', '', ''];
  const write = (text: string): void => {
    out += text;
    both += text;
  };
  const say = (text: string): void => {
    err += text;
    both += text;
  };
  return {
    terminal: {
      line: (text = '') => write(`${text}\n`),
      write,
      note: (text) => say(`${text}\n`),
      style,
      interactive: false,
      columns: undefined,
      signal: new AbortController().signal,
    },
    out: () => out,
    err: () => err,
    both: () => both,
  };
}
