import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { completionScript, shells } from './completion/scripts.ts';
import { treeWords } from './completion/tree.ts';
import { wholeTree } from './program.ts';
import { verbs } from './verbs/index.ts';

describe('the command tree', () => {
  it('loads every verb, each with a summary, examples that name it and help for each option', async () => {
    const { root, verbs: loaded } = await wholeTree();
    assert.deepEqual(
      root.commands.map((command) => command.name()),
      verbs.map(({ name }) => name),
    );
    for (const command of root.commands) {
      const { examples = [] } = loaded.get(command.name()) ?? {};
      assert.ok(examples.length > 0, command.name());
      for (const [line] of examples) assert.match(line, new RegExp(`lateen ${command.name()}\\b`));
      for (const option of command.options) assert.notEqual(option.description, '', `${command.name()} ${option.flags}`);
    }
  });

  it('has no option that would take the arguments after it for more values', async () => {
    const { root } = await wholeTree();
    const asking = root.commands.filter(({ registeredArguments }) => registeredArguments.some(({ required }) => required));
    const greedy = asking.flatMap((command) =>
      command.options.filter(({ variadic }) => variadic).map(({ flags }) => `${command.name()} ${flags}`),
    );
    assert.deepEqual(greedy, []);
  });
});

describe('completion scripts', () => {
  const words = async () => {
    const { root, verbs: loaded } = await wholeTree();
    return treeWords(root, loaded);
  };

  it('know verbs, options, values of options and where to ask for the rest', async () => {
    const tree = await words();
    for (const shell of shells) {
      const script = completionScript(shell, tree);
      for (const { name } of tree) assert.match(script, new RegExp(`\\b${name}\\b`));
      assert.match(script, /completion words kinds/);
      assert.match(script, /completion words objects/);
      assert.match(script, /table wide yaml json name/);
      assert.match(script, /all-namespaces/);
    }
  });

  it('complete in bash', async () => {
    const script = completionScript('bash', await words());
    const complete = (...line: string[]): string[] =>
      execFileSync(
        'bash',
        [
          '--norc',
          '-c',
          `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lateen; printf '%s\\n' "\${COMPREPLY[@]}"`,
          '-',
          ...line,
        ],
        {
          encoding: 'utf8',
        },
      )
        .split('\n')
        .filter((word) => word !== '');
    assert.deepEqual(complete('lateen', 'comp'), ['compile', 'completion']);
    assert.deepEqual(complete('lateen', 'get', 'vs', '-o', 'ya'), ['yaml']);
    assert.deepEqual(complete('lateen', 'get', '--all'), ['--all-namespaces']);
    assert.deepEqual(complete('lateen', 'proxy', 'reviews', 'cl'), ['clusters']);
  });

  it('are valid in the shells that are here', async () => {
    const tree = await words();
    for (const shell of shells) {
      const check = spawnSync(shell, ['-n'], { input: completionScript(shell, tree), encoding: 'utf8' });
      // A shell that is not installed cannot be asked.
      if (check.error === undefined) assert.equal(check.stderr, '', shell);
    }
  });
});
