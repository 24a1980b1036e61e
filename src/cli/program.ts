// The command tree: builds commander's commands from the verbs, with as few of them loaded as the command line needs.

import { Command, CommanderError } from 'commander';
import { nearest } from '../api/suggestion.ts';
import { exitCode, usageFailure } from './failure.ts';
import type { Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';
import { verbs, type VerbEntry } from './verbs/index.ts';

/** Parses and runs a command line; gives the exit code. */
export async function program(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-V') return program(['version', '--offline'], terminal);
  const root = rootCommand(terminal);
  let code: number = exitCode.ok;
  const wanted = argv.find((word) => !word.startsWith('-'));
  const about = wanted === 'help' ? argv[argv.indexOf('help') + 1] : undefined;
  if (about !== undefined && !verbs.some(({ name }) => name === about)) {
    const meant = nearest(about, new Set(verbs.map(({ name }) => name)));
    throw usageFailure(`there is no verb ${about}`, meant === undefined ? 'lateen --help lists them' : `did you mean ${meant}?`);
  }
  for (const entry of verbs) {
    // Only the verb that is meant is loaded; the others stand in the help with their names.
    const help = wanted === 'help' && argv.includes(entry.name);
    if (entry.name !== wanted && !help) {
      root.command(entry.name).description(entry.summary);
      continue;
    }
    const verb = await entry.load();
    const command = addVerb(root, entry, verb);
    command.action(async () => {
      code = await verb.run({ args: command.args, options: command.opts() as never, terminal });
    });
  }
  try {
    await root.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has printed its message, or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    throw error;
  }
}

export interface LoadedTree {
  readonly root: Command;
  readonly verbs: ReadonlyMap<string, Verb>;
}

/** The whole tree, for completion and the reference page. */
export const wholeTree = (): Promise<LoadedTree> => treeOf(verbs);

/** With one verb alone, or none where there is no such. */
export const loadedTree = (name: string): Promise<LoadedTree> => treeOf(verbs.filter((entry) => entry.name === name));

async function treeOf(entries: readonly VerbEntry[]): Promise<LoadedTree> {
  const root = rootCommand();
  const loaded = new Map<string, Verb>();
  for (const entry of entries) {
    const verb = await entry.load();
    loaded.set(entry.name, verb);
    addVerb(root, entry, verb);
  }
  return { root, verbs: loaded };
}

function rootCommand(terminal?: Terminal): Command {
  return new Command('lateen')
    .description("A service mesh that reads Istio's YAML and programs stock Envoy.")
    .option('-V, --version', 'print versions')
    .exitOverride()
    .configureOutput({
      ...(terminal && {
        writeOut: (text: string) => terminal.write(text),
        writeErr: (text: string) => terminal.note(text.replace(/\n$/, '')),
      }),
      outputError: (text, write) => write(text.replace(/^error: /, 'lateen: ')),
    })
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText('after', '\nlateen VERB --help shows a verb’s options and examples.')
    .helpCommand('help [verb]', 'show the help of a verb');
}

function addVerb(root: Command, entry: VerbEntry, verb: Verb): Command {
  const command = verb
    .define(root.command(entry.name).summary(entry.summary).description(`${entry.summary}.`))
    .allowExcessArguments(false)
    .showHelpAfterError(`lateen ${entry.name} --help shows how it is called`);
  if (verb.examples.length > 0) {
    const width = Math.max(...verb.examples.map(([line]) => line.length));
    const lines = verb.examples.map(([line, does]) => `  ${line.padEnd(width)}   ${does}`);
    command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
  return command;
}
