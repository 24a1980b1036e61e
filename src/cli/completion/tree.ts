// The command tree as data, for the scripts of all shells: verbs, their options, and what their arguments are.

import type { Command } from 'commander';
import type { Completes, Verb } from '../verb.ts';

export interface VerbWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly completes: readonly Completes[];
}

interface OptionWords {
  /** `--output`, `-o`: as typed. */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  readonly value: Completes | undefined;
}

export function treeWords(root: Command, verbs: ReadonlyMap<string, Verb>): VerbWords[] {
  return root.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: command.options.map((option) => ({
      flags: [option.long, option.short].filter((flag) => flag !== undefined && flag !== null),
      summary: option.description,
      takesValue: option.required || option.optional,
      value: optionValue(option.long ?? '', option.description),
    })),
    completes: verbs.get(command.name())?.completes ?? [],
  }));
}

const fileOptions = new Set(['--file', '--dump', '--node', '--mesh-config', '--mesh-networks', '--images', '--state']);

/** An option's description that is nothing but a list of words is the list of its values. */
function optionValue(flag: string, description: string): Completes | undefined {
  if (fileOptions.has(flag)) return 'files';
  const words = description.split(', ');
  return words.length > 1 && words.every((word) => /^[a-z]+$/.test(word)) ? words : undefined;
}
