import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { originOfSpan, readDocuments } from './yaml.ts';
import { writeOptions } from './yaml-scalars.ts';

const values = (text: string): unknown[] => readDocuments(text, 'f.yaml').documents.map(({ value }) => value);

function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1);
  const [first] = list;
  assert.ok(first !== undefined);
  return first;
}

describe('readDocuments', () => {
  it('splits documents and skips empty ones', () => {
    const text = '# only a comment\n---\n---\nkind: A\n---\n\n--- {kind: B}\n...\n---\nkind: C\n';
    assert.deepEqual(values(text), [{ kind: 'A' }, { kind: 'B' }, { kind: 'C' }]);
  });

  it('keeps a line of dashes that is indented text', () => {
    assert.deepEqual(values('text: |\n  a\n  ---\n  b\n'), [{ text: 'a\n---\nb\n' }]);
  });

  it('unpacks lists, also inside lists, and gives items of a typed list their kind', () => {
    const text = `
kind: List
items:
- {kind: A, apiVersion: v1}
- kind: ServiceList
  apiVersion: v1
  items: [{metadata: {name: s}}]
`;
    assert.deepEqual(values(text), [
      { kind: 'A', apiVersion: 'v1' },
      { kind: 'Service', apiVersion: 'v1', metadata: { name: 's' } },
    ]);
  });

  it('reads JSON and tells positions in it', () => {
    const { origin, value } = only(readDocuments('{\n  "kind": "A",\n  "spec": {"a": [1, 2]}\n}\n', 'f.json').documents);
    assert.deepEqual(value, { kind: 'A', spec: { a: [1, 2] } });
    assert.deepEqual(origin.position(['spec', 'a', 1]), { line: 3, column: 21 });
  });

  it('reads scalars as kubectl does', () => {
    assert.deepEqual(values('a: [yes, off, 0644, "0644", 2001-01-01, 1e3, null, ~, 12:30]\n'), [
      { a: [true, false, 420, '0644', '2001-01-01', 1000, null, null, '12:30'] },
    ]);
  });

  it('writes what it reads back unchanged', () => {
    const value = { a: ['yes', 'off', '0644', '12', 'null', true, 644, 'on: x'] };
    assert.deepEqual(values(stringify(value, writeOptions)), [value]);
  });

  it('gives the line and column of each field, or of its nearest parent', () => {
    const { documents } = readDocuments(
      'kind: A\n---\n# second\nkind: B\nspec:\n  http:\n  - match: x\n  - route: y\n',
      'f.yaml',
    );
    const origin = documents[1]?.origin;
    assert.deepEqual(origin?.position([]), { line: 4, column: 1 });
    assert.deepEqual(origin?.position(['spec', 'http']), { line: 6, column: 3 });
    assert.deepEqual(origin?.position(['spec', 'http', 1]), { line: 8, column: 5 });
    assert.deepEqual(origin?.position(['spec', 'http', 1, 'route', 'host']), { line: 8, column: 5 });
    assert.deepEqual(origin?.position(['nothing', 'here']), { line: 4, column: 1 });
  });

  it('gives positions inside a List, and through an alias', () => {
    const { documents } = readDocuments('kind: List\nitems:\n- kind: A\n  x: &x\n    deep: 1\n  z: *x\n', 'f.yaml');
    assert.deepEqual(documents[0]?.origin.position(['z', 'deep']), { line: 5, column: 5 });
  });

  it('finds positions again from a span', () => {
    const { documents } = readDocuments('kind: A\n---\nkind: List\nitems:\n- kind: B\n  spec: 1\n', 'f.yaml');
    const span = documents[1]?.span;
    assert.ok(span);
    assert.deepEqual(originOfSpan(JSON.parse(JSON.stringify(span))).position(['spec']), { line: 6, column: 3 });
  });

  const broken: [name: string, text: string, line: number, column: number, message: RegExp][] = [
    ['a tab as indentation', 'kind: X\nspec:\n\ta: 1\n', 3, 1, /[Tt]abs/],
    ['a key that stands twice', 'kind: X\nkind: Y\n', 2, 1, /unique/],
    ['a wrong indentation', 'kind: X\n   spec: 1\n', 1, 7, /[Nn]ested/],
    ['an open bracket', 'kind: [a, b\nspec: 1\n', 2, 1, /\]/],
    ['an unknown alias', 'kind: *nobody\n', 1, 7, /alias/],
    ['a list for a document', '- kind: X\n', 1, 1, /a list/],
    ['a plain value for a document', 'hello\n', 1, 1, /a plain value/],
  ];
  for (const [name, text, line, column, message] of broken) {
    it(`reports ${name} with its place, and still reads the other documents`, () => {
      const { documents, diagnostics } = readDocuments(`kind: Before\n---\n${text}---\nkind: After\n`, 'f.yaml');
      assert.deepEqual(
        documents.map(({ value }) => value['kind']),
        ['Before', 'After'],
      );
      const diagnostic = only(diagnostics);
      assert.match(diagnostic.message, message);
      assert.equal(diagnostic.file, 'f.yaml');
      assert.deepEqual([diagnostic.line, diagnostic.column], [line + 2, column]);
      assert.notEqual(diagnostic.help, '');
    });
  }

  it('refuses aliases that multiply, and nesting without end', () => {
    const rows = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef'].map((pair) => pair.split('')))
      rows.push(`${to}: &${to} [${`*${from}, `.repeat(9)}]`);
    assert.match(only(readDocuments(rows.join('\n'), 'f.yaml').diagnostics).message, /alias/);
    const { documents, diagnostics } = readDocuments(`a: ${'['.repeat(5_000)}${']'.repeat(5_000)}`, 'f.yaml');
    assert.equal(documents.length, 0);
    assert.equal(diagnostics.length, 1);
    assert.match(
      only(readDocuments(`{"a": ${'['.repeat(500)}${']'.repeat(500)}}`, 'f.json').diagnostics).message,
      /nests deeper/,
    );
  });
});
