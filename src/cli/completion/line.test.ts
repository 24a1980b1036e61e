import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeControl } from '../../../test/support/fake-control.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';
import { program, wholeTree } from '../program.ts';
import { lineOf } from './line.ts';
import { treeWords } from './tree.ts';

const { root, verbs } = await wholeTree();
const tree = treeWords(root, verbs);

describe('a line', () => {
  it('is its verb, arguments and options, with the word that is typed', () => {
    const line = lineOf(['lateen', 'why', '-v', '--from', 'web', '-f', 'a.yaml', '-f', 'b.yaml', 'GET', 'http://r'], tree);
    assert.deepEqual([line.verb, line.args, line.current], ['why', ['GET'], 'http://r']);
    assert.deepEqual(Object.fromEntries(line.options), { '--from': ['web'], '--file': ['a.yaml', 'b.yaml'] });
  });

  it('has all values of an option that takes several, up to the next option', () => {
    const line = lineOf(['lateen', 'plan', '--against', 'a', 'b', '-n', ''], tree);
    assert.deepEqual(line.options.get('--against'), ['a', 'b']);
    assert.deepEqual(line.args, []);
  });

  it('may have ended in the middle of an option', () => {
    assert.deepEqual(lineOf(['lateen', 'get', '-n'], tree).args, []);
    assert.deepEqual(lineOf(['lateen'], tree).verb, '');
  });
});

describe('words for a line', () => {
  const words = async (state: string, what: string, ...line: string[]): Promise<string> => {
    const { terminal, out, err } = recordedTerminal();
    assert.equal(await program(['completion', 'words', what, '--', 'lateen', ...line, '--state', state, ''], terminal), 0);
    return out() + err();
  };

  it('are nothing, and no message, where the mesh does not answer in time', async () => {
    await using control = await fakeControl({ 'GET /v1/words': 'never' });
    assert.equal(await words(control.state, 'workloads', 'proxy'), '');
    assert.deepEqual(control.asked, ['GET /v1/words?of=workloads&prefix=']);
  });

  it('are those of the first argument while there is none, whatever the shell counted', async () => {
    assert.match(await words('/nowhere', 'destinations', 'why', '--from', 'web'), /^GET\nHEAD\n/);
    assert.match(await words('/nowhere', 'objects', 'get', '-n', 'shop'), /^virtualservices$/m);
  });

  it('are nothing where no mesh runs, or nobody knows the kind', async () => {
    await using control = await fakeControl({});
    assert.equal(await words('/nowhere', 'namespaces', 'get'), '');
    assert.equal(await words(control.state, 'objects', 'get', 'vss'), '');
    assert.equal(await words('/nowhere', 'destinations', 'why', 'GET'), '');
  });
});
