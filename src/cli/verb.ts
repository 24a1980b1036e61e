// What a verb is: one file in verbs/, from which parsing, help, completion and the reference page come.

import type { Command } from 'commander';
import { nearest } from '../api/suggestion.ts';
import { usageFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/**
 * Words of which the mesh knows some: names of kinds, and of objects of the kind that is the first argument; what `why` is asked
 * (methods, ids of requests that happened), and of whom.
 */
export type Asked = 'kinds' | 'objects' | 'workloads' | 'namespaces' | 'hosts' | 'questions' | 'destinations' | 'codes';

/** What completes an argument or the value of an option. */
export type Completes = Asked | 'files' | readonly string[];

interface Call<Options> {
  readonly args: readonly string[];
  readonly options: Options;
  readonly terminal: Terminal;
}

export interface Verb<Options = never> {
  /** Adds arguments and options; called for parsing, help and completion. */
  readonly define: (command: Command) => Command;
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** What its arguments are, by position; the last holds for all further ones. */
  readonly completes?: readonly Completes[];
  /** Gives the exit code; throws `Failure`. Imports what it needs when it runs, so that other verbs start without it. */
  readonly run: (call: Call<Options>) => Promise<number>;
}

export const defineVerb = <Options>(verb: Verb<Options>): Verb<Options> => verb;

/** The same options wherever they mean the same. */
export const online = (command: Command): Command =>
  command.option('--state <dir>', 'the state folder of the mesh (default: ~/.local/state/lateen)');
export const namespaced = (command: Command): Command =>
  command.option('-n, --namespace <namespace>', 'the namespace (default: default)');
export const files = (command: Command, what: string): Command => command.option('-f, --file <path...>', what);
/** Objects that files name, or a kind with names. */
export const naming = (command: Command, what: string): Command =>
  online(namespaced(files(command.argument('[kind]', 'a kind, or KIND/NAME').argument('[name...]', 'names'), what)));
/** How it prints what it found; the first is for when nobody says. */
export const output = (...formats: [string, ...string[]]): [string, string, (word: string) => string, string] => [
  '-o, --output <format>',
  formats.join(', '),
  oneOf('format', formats),
  formats[0],
];
/** The value of an option that is one of these words; another is refused, with the word that was meant. */
export const oneOf =
  (what: string, words: readonly string[]) =>
  (word: string): string => {
    if (words.includes(word)) return word;
    const meant = nearest(word, words);
    throw usageFailure(
      `there is no ${what} ${word}`,
      `${meant === undefined ? '' : `did you mean ${meant}? `}use ${words.join(', ')}`,
    );
  };
/** An option that may be given again, one value each time: for verbs whose arguments come after it. */
export const repeated = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

export interface OnlineOptions {
  readonly state?: string;
}
