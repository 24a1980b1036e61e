import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesWhole, replaceAll } from './regex.ts';

const table: readonly (readonly [regex: string, text: string, matches: boolean | undefined])[] = [
  ['/a.*', '/abc', true],
  ['a', 'ab', false],
  ['(?i)jason', 'JaSoN', true],
  ['a(?i)b|c', 'C', true],
  ['a(?i)b|c', 'Ab', false],
  ['(?i:a)b', 'AB', false],
  ['(?P<id>\\d+)-x', '12-x', true],
  ['[[:alpha:]]+', 'abc', true],
  ['[[:digit:]_]+', '1_2', true],
  ['[^]a]', 'b', true],
  ['[]a]+', ']a', true],
  ['\\Qa.b*\\E+', 'a.b**', true],
  ['a{', 'a{', true],
  ['a{2}', 'aa', true],
  ['a}', 'a}', true],
  ['x]', 'x]', true],
  ['/a/b', '/a/b', true],
  ['\\/a\\-b\\_c', '/a-b_c', true],
  ['\\x41\\x{1F600}', 'A😀', true],
  ['\\pL+', 'äb', true],
  ['\\p{Greek}', 'α', true],
  ['\\Aab\\z', 'ab', true],
  ['a.b', 'a\nb', false],
  ['(?s)a.b', 'a\nb', true],
  ['a.b', 'a\u2028b', true],
  ['(?U)a+', 'aaa', true],
  ['[a\\-z]', '-', true],
  ['\\s', '\u00a0', false],
  ['[\\s]', '\t', true],
  ['(a', 'a', undefined],
  ['(?=a)a', 'a', undefined],
];

for (const [regex, text, expected] of table) {
  test(`${regex} ${expected === undefined ? 'is not taken' : expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
    assert.equal(matchesWhole(regex, text), expected);
  });
}

test('a substitution names groups as RE2 does', () => {
  assert.equal(replaceAll('^/service/([^/]+)(/.*)$', '/service/foo/v1/api', '\\2/instance/\\1'), '/v1/api/instance/foo');
  assert.equal(replaceAll('one', '/xxx/one/yyy/one/zzz', 'two'), '/xxx/two/yyy/two/zzz');
  assert.equal(replaceAll('(?i)/XXX/', '/aaa/xxx/bbb', '/yyy/'), '/aaa/yyy/bbb');
  assert.equal(replaceAll('a', 'a$1', '$1\\\\'), '$1\\$1');
});
