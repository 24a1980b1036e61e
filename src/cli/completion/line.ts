// A command line as far as it is typed: its verb, arguments and options, and the word that is to be completed.

import type { VerbWords } from './tree.ts';

export interface Line {
  readonly verb: string;
  /** Those before the word that is completed. */
  readonly args: readonly string[];
  /** By their long names: `--file` → each path. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** What of the word is there; may be empty. */
  readonly current: string;
}

/** `words`: all of them with the program's name, the last one unfinished. */
export function lineOf(words: readonly string[], tree: readonly VerbWords[]): Line {
  const [, verb = '', ...rest] = words.slice(0, -1);
  const known = tree.find(({ name }) => name === verb)?.options ?? [];
  const args: string[] = [];
  const options = new Map<string, string[]>();
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? '';
    const option = known.find(({ flags }) => flags.includes(word));
    if (option === undefined) {
      if (!word.startsWith('-')) args.push(word);
      continue;
    }
    const [long = word] = option.flags;
    if (!option.takesValue) continue;
    const values = options.get(long) ?? [];
    // Some take several, up to the next option.
    do values.push(rest[++at] ?? '');
    while (option.several && rest[at + 1] !== undefined && rest[at + 1]?.startsWith('-') === false);
    options.set(long, values);
  }
  return { verb, args, options, current: words.at(-1) ?? '' };
}
