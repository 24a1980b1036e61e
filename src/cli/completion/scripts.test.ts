import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { wholeTree } from '../program.ts';
import { completionScript, shells } from './scripts.ts';
import { treeWords } from './tree.ts';
import { fakeControl, type FakeControl } from '../../../test/support/fake-control.ts';

const { root, verbs } = await wholeTree();
const tree = treeWords(root, verbs);

describe('completion scripts', () => {
  it('know verbs, options, values of options and where to ask for the rest', () => {
    for (const shell of shells) {
      const script = completionScript(shell, tree);
      for (const { name } of tree) assert.match(script, new RegExp(`\\b${name}\\b`));
      for (const asked of ['kinds', 'objects', 'workloads', 'destinations', 'namespaces', 'codes'])
        assert.match(script, new RegExp(`(?:_lateen_ask|completion words) ${asked}`), `${shell} ${asked}`);
      assert.match(script, /table wide yaml json name/);
      assert.match(script, /all-namespaces/);
    }
  });

  it('are valid in the shells that are here', () => {
    for (const shell of shells) {
      const check = spawnSync(shell, ['-n'], { input: completionScript(shell, tree), encoding: 'utf8' });
      // A shell that is not installed cannot be asked.
      if (check.error === undefined) assert.equal(check.stderr, '', shell);
    }
  });

  it('know the values of options that name them in words', () => {
    const values = (verb: string, flag: string) =>
      tree.find(({ name }) => name === verb)?.options.find(({ flags }) => flags.includes(flag))?.value;
    assert.deepEqual(values('proxy', '-o'), ['table', 'wide', 'json', 'yaml', 'short']);
    assert.deepEqual(values('up', '--delivery'), ['demand', 'eager']);
    assert.deepEqual(values('scope', '-o'), ['table', 'yaml', 'json']);
    assert.deepEqual(values('analyze', '--fail-on'), ['info', 'warning', 'error']);
    assert.deepEqual(values('proxy', '--direction'), ['inbound', 'outbound']);
    assert.equal(values('why', '--from'), 'workloads');
    assert.equal(values('why', '--dump'), 'files');
    assert.equal(values('logs', '--tail'), undefined);
  });
});

/** What a real bash offers for a line whose end is completed. */
describe('completion in bash', () => {
  const script = completionScript('bash', tree);
  const program = fileURLToPath(new URL('../../../bin/lateen', import.meta.url));
  let control: FakeControl;
  let folder: string;
  before(async () => {
    control = await fakeControl({
      'GET /v1/words': (query) => [`${query.get('prefix') ?? ''}-of-${query.get('of') ?? ''}`, '$(touch harm)', 'two words'],
      'GET /v1/requests': [{ id: '6d3f21b4' }, { id: '`harm`' }],
    });
    folder = mkdtempSync(join(tmpdir(), 'lateen-words-'));
    writeFileSync(join(folder, 'odd name [1].yaml'), '');
    writeFileSync(
      join(folder, 'shop.yaml'),
      'apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {clusterIP: 10.96.0.7, ports: [{name: http, port: 8080}]}\n',
    );
  });
  after(async () => {
    await control[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const complete = async (line: string): Promise<string[]> => {
    const typed = line.replace('MESH', `--state ${control.state}`).replace('FOLDER', folder);
    const asked = `lateen() { "$LATEEN" "$@"; }
${script}
COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:' COMP_LINE=$1 COMP_POINT=\${#1}
_lateen 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', asked, '-', typed], {
      cwd: folder,
      env: { ...process.env, LATEEN: program },
    });
    return stdout.split('\n').filter((word) => word !== '');
  };

  const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
    ['lateen comp', ['compile', 'completion']],
    ['lateen get vs -o ya', ['yaml']],
    ['lateen get --all', ['--all-namespaces']],
    ['lateen help comp', ['compile', 'completion']],
    ['lateen get diag', ['diagnostics']],
    ['lateen proxy reviews cl', ['clusters']],
    // The value of an option is no argument.
    ['lateen proxy -n shop reviews cl', ['clusters']],
    ['lateen analyze -f shop', ['shop.yaml']],
    ['lateen analyze -f odd', ['odd name [1].yaml']],
    ['lateen get virtualserv', ['virtualservices']],
    ['lateen analyze --suppress IST0101', ['IST0101']],
    // What came from outside is never run, and never two words.
    ['lateen proxy MESH re', ['re-of-workloads']],
    ['lateen why MESH 6', ['6d3f21b4']],
    ['lateen why MESH P', ['POST', 'PUT', 'PATCH']],
    ['lateen get MESH -n sh', ['sh-of-namespaces']],
    ['lateen get MESH vs/re', ['vs/re-of-objects']],
    // Bash takes what stands before a colon for another word.
    ['lateen why MESH GET http://re', ['//re-of-urls']],
    ['lateen why MESH tcp db:54', ['54-of-addresses']],
    ['lateen why -f FOLDER/shop.yaml GET h', ['http://cart:8080/']],
    ['lateen why -f FOLDER/shop.yaml tcp ', ['cart:8080']],
    ['lateen why -f FOLDER/shop.yaml dns ', ['cart']],
    ['lateen proxy --state /nowhere re', []],
  ];
  for (const [line, offered] of cases)
    it(`offers what fits after ${line}`, async () => assert.deepEqual(await complete(line), offered));
});
