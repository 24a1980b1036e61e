// lateen completion: completion scripts for shells, and the words of the running mesh that they ask for.

import { exitCode, usageFailure } from '../failure.ts';
import { defineVerb, type Asked } from '../verb.ts';

const asked: readonly Asked[] = ['kinds', 'objects', 'workloads', 'namespaces', 'hosts', 'questions', 'destinations', 'codes'];

export const verb = defineVerb<object>({
  define: (command) =>
    command
      .argument('<shell>', 'bash, zsh or fish; or words, for what the scripts ask')
      .argument('[what...]', `with words: ${asked.join(', ')}; then -- and the line up to the word that is completed`),
  examples: [
    ['source <(lateen completion bash)', 'in ~/.bashrc'],
    ['source <(lateen completion zsh)', 'in ~/.zshrc, after compinit'],
    ['lateen completion fish | source', 'in config.fish'],
  ],
  completes: [['bash', 'zsh', 'fish']],
  async run({ args, terminal }) {
    const [shell = '', what = '', ...line] = args;
    if (shell === 'words') {
      const known = asked.find((each) => each === what);
      if (known === undefined) throw usageFailure('which words?', `${asked.join(', ')}, then -- and the line`);
      for (const word of await words(known, line)) terminal.line(word);
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

async function words(what: Asked, line: readonly string[]): Promise<readonly string[]> {
  const [{ loadedTree }, { treeWords }, { lineOf }, { lineWords }] = await Promise.all([
    import('../program.ts'),
    import('../completion/tree.ts'),
    import('../completion/line.ts'),
    import('../completion/words.ts'),
  ]);
  const { root, verbs } = await loadedTree(line[1] ?? '');
  return lineWords(what, lineOf(line, treeWords(root, verbs)));
}
