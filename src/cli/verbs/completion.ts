// lateen completion: completion scripts for shells, and the words of the running mesh that they ask for.

import type { ObjectsAnswer } from '../../control/api/contract.ts';
import type { PodName } from '../../control/workloads.ts';
import { connect } from '../client.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { defineVerb, online, type OnlineOptions } from '../verb.ts';

const topics: readonly string[] = ['bash', 'zsh', 'fish', 'words'];

export const verb = defineVerb<OnlineOptions>({
  define: (command) =>
    online(
      command
        .argument(
          '<shell>',
          'bash, zsh or fish; or words, for what the scripts ask: words kinds, words workloads, words objects KIND',
        )
        .argument('[what...]', 'with words: kinds, workloads, or objects and a kind'),
    ),
  examples: [
    ['source <(lateen completion bash)', 'in ~/.bashrc'],
    ['source <(lateen completion zsh)', 'in ~/.zshrc, after compinit'],
    ['lateen completion fish | source', 'in config.fish'],
  ],
  completes: [topics.slice(0, 3)],
  async run({ args, options, terminal }) {
    const [shell = '', what, kind] = args;
    if (shell === 'words') {
      for (const word of await words(what, kind, options)) terminal.line(word);
      return exitCode.ok;
    }
    const [{ wholeTree }, { completionScript, shells }, { treeWords }] = await Promise.all([
      import('../program.ts'),
      import('../completion/scripts.ts'),
      import('../completion/tree.ts'),
    ]);
    const known = shells.find((name) => name === shell);
    if (known === undefined) throw usageFailure(`there is no completion for ${shell}`, `use ${shells.join(', ')}`);
    const { root, verbs } = await wholeTree();
    terminal.write(completionScript(known, treeWords(root, verbs)));
    return exitCode.ok;
  },
});

/** Nothing where no mesh runs: a shell that completes wants no message. */
async function words(what: string | undefined, kind: string | undefined, options: OnlineOptions): Promise<readonly string[]> {
  if (what === 'kinds') {
    const { kinds } = await import('../../api/index.ts');
    return kinds.flatMap(({ plural, shortNames }) => [plural, ...shortNames]);
  }
  try {
    if (what === 'workloads') {
      const pods = await connect(options).get<readonly PodName[]>('/v1/workloads');
      return [...new Set(pods.flatMap(({ name, workload }) => [workload, name]))].sort();
    }
    if (what === 'objects' && kind !== undefined && kind !== '') {
      const { kinds } = await connect(options).get<ObjectsAnswer>('/v1/objects', { kinds: kind });
      return kinds.flatMap(({ items }) => items.map(({ document }) => String((document['metadata'] as { name?: string }).name)));
    }
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
  throw usageFailure('which words?', 'kinds, workloads, or objects KIND');
}
