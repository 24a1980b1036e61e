// Which expressions RE2 takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { re2Problem } from './re2.ts';

test('takes what RE2 compiles', () => {
  for (const source of [
    '',
    '^/a/(.*)$',
    'a|b',
    '(?i)abc',
    '(?P<n>a)',
    '[^]a]',
    '[[:alpha:]]+',
    'a{2,3}?',
    'a{x',
    String.raw`\d+\.\w`,
    String.raw`\Qa(b\E`,
    'x*?',
    '(|a)',
    '()*',
  ]) {
    assert.equal(re2Problem(source), undefined, source);
  }
});

test('says what RE2 refuses, and why', () => {
  for (const [source, why] of [
    ['(?=a)', /look-ahead/],
    ['(?<!a)', /look-behind/],
    [String.raw`(a)\1`, /back reference/],
    ['(a', /closing \)/],
    ['a)', /unexpected \)/],
    ['[a', /closing \]/],
    ['*a', /nothing before/],
    ['a**', /nothing before/],
    ['a{1001}', /repeats more/],
    ['a{3,2}', /end is below/],
    ['\\', /backslash/],
    [String.raw`\y`, /unknown escape/],
    ['a'.repeat(1025), /characters long/],
  ] as const) {
    assert.match(re2Problem(source) ?? '', why, source);
  }
});

test('never throws, and takes what is quoted', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      re2Problem(text);
      const quoted = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
      assert.equal(re2Problem(quoted), undefined);
    }),
  );
});
