// Holds the documentation against the code: generated pages, rooms and their order, names and paths that pages mention.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { idleFields } from '../api/idle-fields.ts';
import { unreadFields } from '../api/unread-fields.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface DocsScript {
  outdated(): Promise<string[]>;
  codeTitles(): Promise<ReadonlyMap<string, string>>;
  codesInSource(): ReadonlyMap<string, ReadonlySet<string>>;
  readonly neverInEffect: Readonly<Record<string, Readonly<Record<string, string>>>>;
  networkingFields(): Promise<
    readonly { kind: string; fields: readonly { path: string; state: string; cases: readonly string[] }[] }[]
  >;
}
const script = (await import(new URL('../../scripts/docs.mjs', import.meta.url).href)) as DocsScript;

const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })];

/** The cells of a page's table rows, without heads and rules. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) => line.slice(2, -2).split(' | '));

const codeSpans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);

test('the pages of docs/reference say what the code says', async () => {
  assert.deepEqual(await script.outdated(), [], 'run npm run docs');
});

test('every field of the networking API that is in effect has a case', async () => {
  const bare = (await script.networkingFields()).flatMap(({ kind, fields }) =>
    fields.filter(({ state, cases }) => state === 'yes' && cases.length === 0).map(({ path }) => `${kind} ${path}`),
  );
  assert.deepEqual(
    bare,
    [],
    'set each in a case of test/golden/cases; one that nothing reads belongs into src/api/unread-fields.ts, or into neverInEffect of scripts/networking-page.mjs where Istio does not read it either',
  );
});

test('what is never in effect is a field that there is, and a code that is said', async () => {
  const titles = await script.codeTitles();
  const states = (await script.networkingFields()).flatMap(({ kind, fields }) => fields.map((field) => ({ kind, ...field })));
  for (const [kind, fields] of Object.entries(script.neverInEffect)) {
    for (const [path, state] of Object.entries(fields)) {
      assert.ok(
        states.some((field) => field.kind === kind && field.path === path),
        `${kind} has no ${path}`,
      );
      assert.ok(titles.has(codeSpans(state)[0] ?? ''), `${kind} ${path}: ${state}`);
    }
  }
});

test('every code that something says has a title', async () => {
  const titles = await script.codeTitles();
  const untitled = [...script.codesInSource()].filter(([code]) => !titles.has(code));
  assert.deepEqual(
    untitled.map(([code]) => code),
    [],
    'give it one in src/api/codes.ts',
  );
});

test('every code with a title is said by something', async () => {
  const said = script.codesInSource();
  const unused = [...(await script.codeTitles()).keys()].filter((code) => !said.has(code));
  assert.deepEqual(unused, []);
});

test('the rooms of ARCHITECTURE.md are those of src/, in the order that lint enforces', () => {
  const { overrides } = JSON.parse(read('.oxlintrc.json')) as {
    overrides: { files: string[]; rules: { 'no-restricted-imports'?: [string, { patterns?: { group: string[] }[] }?] } }[];
  };
  const toTheRight = overrides.flatMap(({ files, rules }) => {
    const room = /^src\/([a-z]+)\//.exec(files[0] ?? '')?.[1];
    return room === undefined ? [] : [{ room, count: rules['no-restricted-imports']?.[1]?.patterns?.[0]?.group.length ?? 0 }];
  });
  const order = toTheRight.sort((a, b) => b.count - a.count).map(({ room }) => room);
  const withCode = new Set(globSync('src/*/**/*.ts', { cwd: root }).map((path) => path.split('/')[1]));
  const section = read('ARCHITECTURE.md').split('\n## Rooms\n')[1]?.split('\n## ')[0] ?? '';
  const listed = rows(section)
    .slice(1)
    .map(([room = '']) => room.replaceAll('`', ''));
  assert.deepEqual(
    listed,
    order.filter((room) => withCode.has(room)),
  );
});

test('the steps by which a change travels name what is there', () => {
  const section = read('ARCHITECTURE.md').split('\n## How a change travels\n')[1]?.split('\n## ')[0] ?? '';
  const steps = rows(section).slice(1);
  assert.notEqual(steps.length, 0);
  for (const [step, name = '', file = ''] of steps) {
    const text = read(file.replaceAll('`', ''));
    assert.ok(text.includes(name.replaceAll('`', '')), `${file} has no ${name}: ${step}`);
  }
});

for (const page of pages) {
  test(`${page} mentions files that are there`, () => {
    const text = read(page);
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => join(dirname(page), target));
    const paths = codeSpans(text).filter((span) => /^(?:src|scripts|test|proto|docs|samples|bench)\/[\w./-]+$/.test(span));
    assert.deepEqual(
      [...links, ...paths].filter((path) => !existsSync(join(root, path))),
      [],
    );
  });
}

test('the guide lists the fields that decode says have no effect', () => {
  const section = read('docs/guides/in-effect.md').split('\n## Fields without effect\n')[1]?.split('\n## ')[0] ?? '';
  const listed = rows(section)
    .slice(1)
    .map(([kind, fields = '', why]) => [kind, codeSpans(fields), why]);
  assert.deepEqual(
    listed,
    idleFields.map(({ kind, fields, why }) => [kind.split('.')[0], fields, why.replace(/^has no effect(?:, |: )/, '')]),
  );
});

test('the guide lists the fields that decode says are not yet in effect', () => {
  const section = read('docs/guides/in-effect.md').split('\n## Fields of kinds in effect\n')[1]?.split('\n## ')[0] ?? '';
  const listed = rows(section)
    .slice(1)
    .map(([kind, fields = '']) => [kind, codeSpans(fields)]);
  assert.deepEqual(
    listed,
    unreadFields.map(({ kind, fields }) => [kind.split('.')[0], fields]),
  );
});

test('fields that are said to have no effect are read by nothing', () => {
  const codeOf = (pattern: string): string =>
    globSync(pattern, { cwd: root })
      .filter((path) => !path.endsWith('.test.ts'))
      .map(read)
      .join('\n');
  const code = codeOf('src/{mesh,filters,compile}/**/*.ts');
  // Some kinds are read in one place, where the names of their fields mean nothing else.
  const rooms: Readonly<Record<string, string>> = {
    EnvoyFilter: codeOf('src/compile/patch/*.ts'),
    Gateway: codeOf('src/compile/gateway/*.ts'),
    Sidecar: codeOf('src/compile/{ingress,inbound,cluster/inbound}.ts'),
  };
  const isRead = (kind: string, field: string): boolean => {
    const name = (field.split('.').at(-1) ?? '').replace('[]', '');
    // Some names of MeshConfig are those of other kinds' fields, too.
    const use =
      kind === 'MeshConfig'
        ? `\\bconfig\\??\\.${name}\\b|\\{[^{}]*\\b${name}\\b[^{}]*\\} = [\\w.]*[cC]onfig\\b`
        : `\\b${name}\\b`;
    const room = rooms[kind.split('.')[0] ?? ''] ?? code;
    return name !== '*' && new RegExp(use).test(room);
  };
  assert.deepEqual(
    unreadFields.flatMap(({ kind, fields }) => fields.filter((field) => isRead(kind, field)).map((field) => `${kind} ${field}`)),
    [],
    'these are in effect now: mend src/api/unread-fields.ts and the guide',
  );
});

test('docs/dependencies.md lists every dependency with its version', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  const listed = rows(read('docs/dependencies.md')).map(([name = '', version = '']) => `${name.replaceAll('`', '')} ${version}`);
  const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  assert.deepEqual(
    wanted.map(([name, version]) => `${name} ${version}`).filter((line) => !listed.includes(line)),
    [],
  );
});
