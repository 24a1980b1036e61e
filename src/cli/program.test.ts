import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
