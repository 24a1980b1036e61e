import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseDocument, stringify } from 'yaml';
import { readPlainYaml } from './plain-yaml.ts';
import { readOptions, writeOptions } from './yaml-scalars.ts';

/** What is read must be what the library reads, and never from a text in which the library finds an error. */
function agrees(text: string): boolean {
  const found = readPlainYaml(text);
  if (found === undefined) return false;
  const document = parseDocument(text, readOptions);
  assert.deepEqual(document.errors, [], text);
  assert.deepEqual(found, document.toJS(), text);
  return true;
}

test('manifests are read as the library reads them, most of them', () => {
  const documents = globSync('samples/**/*.yaml').flatMap((file) => readFileSync(file, 'utf8').split(/^(?=---)/m));
  const read = documents.filter((text) => /^\w/m.test(text)).map(agrees);
  assert.ok(read.filter(Boolean).length > read.length / 2, `${read.filter(Boolean).length} of ${read.length}`);
});

const plain = `a:
- b: 1
  c: "x y"

  # a comment
  d:
  - {e: f, g: [1, '2', h/i.j]}
  -
    k: 10.0.0.1
  - - l
    - 5s
m: {}
p:
o: true
`;

test('a text in the common forms is read', () => {
  assert.deepEqual(readPlainYaml(plain), {
    a: [{ b: 1, c: 'x y', d: [{ e: 'f', g: [1, '2', 'h/i.j'] }, { k: '10.0.0.1' }, ['l', '5s']] }],
    m: {},
    p: null,
    o: true,
  });
  assert.equal(agrees(plain), true);
});

test('what may mean something else is left to the library', () => {
  const texts = [
    'a: b\n  c',
    'a: |\n  b',
    'a: &x b',
    'a: *x',
    'a: !!str 1',
    'a: yes',
    'a: Null',
    'a: 0644',
    'a: 1.5',
    'a: 1e3',
    'a: 0x1',
    'a: ~',
    'a: b # c',
    'a: b: c',
    'a: b:',
    'y: 1',
    'a: 1\na: 2',
    'a:\n  b: 1\n c: 2',
    'a: "x\\n"',
    "a: 'it''s'",
    'a: [b',
    'a: {b}',
    'a: [b, ]',
    'a:\n\t- b',
    'a: -1',
    '- a',
    'a',
    '"a": b',
    '<<: {a: b}',
    '__proto__: {a: b}',
    'a: 2001-01-01',
    'a: .5',
    'a: [b: c]',
    '--- {a: b}',
    'a: "b" c',
    'a: [b] c',
    'a: [b]: c',
    '? a',
    'a: @b',
    'a: {b:c}',
    'a: b\n- c',
    'a:\n- b\n  - c',
  ];
  for (const text of texts) assert.equal(readPlainYaml(text), undefined, text);
});

test('texts that were changed anywhere are read as the library reads them, or not at all', () => {
  const pieces = [
    '  ',
    ' ',
    '- ',
    ':',
    ': ',
    '\n',
    '\n  ',
    '#',
    ' #',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ',',
    'x',
    '1',
    '0',
    '.',
    'yes',
    '~',
    '|',
    '&a',
    '*a',
    '---',
    '%',
  ];
  let read = 0;
  const edit = fc.tuple(fc.nat(plain.length), fc.nat(6), fc.constantFrom(...pieces));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const text = edits.reduce((whole, [at, length, piece]) => whole.slice(0, at) + piece + whole.slice(at + length), plain);
      read += Number(agrees(text));
    }),
    { numRuns: 3000 },
  );
  assert.ok(read > 100, `${read} of them are read`);
});

test('what the library writes is read back, or not at all', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('yes', '0644', '1.5', 'a b', 'a: b', '- a', ' a'),
  );
  const tree = fc.object({ values: [leaf], key: fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,5}$/)), maxDepth: 4 });
  fc.assert(
    fc.property(tree, fc.boolean(), (value, flow) => {
      const text = stringify(value, { ...writeOptions, indentSeq: flow, ...(flow && { collectionStyle: 'flow' as const }) });
      agrees(text);
    }),
    { numRuns: 500 },
  );
});
