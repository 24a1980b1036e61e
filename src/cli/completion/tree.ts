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
  /** Up to the next option. */
  readonly several: boolean;
  readonly value: Completes | undefined;
}

/** Every verb, and `help`, which takes each of them. */
export function treeWords(root: Command, verbs: ReadonlyMap<string, Verb>): VerbWords[] {
  const names = root.commands.map((command) => command.name());
  const help: VerbWords = { name: 'help', summary: 'Show the help of a verb', options: [], completes: [names] };
  const words = root.commands.map((command): VerbWords => ({
    name: command.name(),
    summary: command.summary(),
    options: command.options.map((option) => ({
      flags: [option.long, option.short].filter((flag) => flag !== undefined && flag !== null),
      summary: option.description,
      takesValue: option.required || option.optional,
      several: option.variadic,
      value: optionValue(option.long ?? '', option.description),
    })),
    completes: verbs.get(command.name())?.completes ?? [],
  }));
  return [...words, help];
}

const files = ['--file', '--against', '--dump', '--node', '--mesh-config', '--mesh-networks', '--images', '--state'];
const asked: Readonly<Record<string, Completes>> = {
  '--namespace': 'namespaces',
  '--from': 'workloads',
  '--to': 'workloads',
  '--gateway': 'workloads',
  '--workload': 'workloads',
  '--fqdn': 'hosts',
  '--suppress': 'codes',
  ...Object.fromEntries(files.map((flag) => [flag, 'files' as const])),
};

/** What completes the value of an option: its description may list the words, each by itself or with what it means. */
function optionValue(flag: string, description: string): Completes | undefined {
  if (flag in asked) return asked[flag];
  const explained = description.split('; ').map((part) => /^([a-z]+)(?::|$)/.exec(part)?.[1]);
  if (explained.length > 1 && explained.every((word) => word !== undefined)) return explained;
  return /(?:^|: )([a-z]+(?:, [a-z]+)+)$/.exec(description)?.[1]?.split(', ');
}
