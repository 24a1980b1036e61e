import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../failure.ts';
import { questionOf } from './question.ts';

const url = (text: string) => {
  const question = questionOf(['GET', text]);
  return question.kind === 'http' ? question.url : undefined;
};

test('a URL is taken as it is written', () => {
  assert.deepEqual(url('http://Reviews:9080/a/../b//c?x=1#y'), {
    scheme: 'http',
    host: 'Reviews',
    port: 9080,
    authority: 'Reviews:9080',
    path: '/a/../b//c?x=1',
  });
  assert.deepEqual(url('https://example.com'), {
    scheme: 'https',
    host: 'example.com',
    port: 443,
    authority: 'example.com',
    path: '/',
  });
  assert.deepEqual(url('reviews?a'), { scheme: 'http', host: 'reviews', port: 80, authority: 'reviews', path: '/?a' });
  assert.deepEqual(url('http://[2001:db8::1]:81/'), {
    scheme: 'http',
    host: '2001:db8::1',
    port: 81,
    authority: '[2001:db8::1]:81',
    path: '/',
  });
});

test('other questions', () => {
  assert.deepEqual(questionOf(['tcp', 'db:5432']), { kind: 'tcp', host: 'db', port: 5432 });
  assert.deepEqual(questionOf(['dns', 'db']), { kind: 'dns', name: 'db' });
  for (const id of ['6F9619FF-8B86-D011-B42D-00C04FC964FF', '6f9619ff', 'tcp-60d41410', 'my-request-7'])
    assert.deepEqual(questionOf([id]), { kind: 'happened', id });
  assert.equal(questionOf(['post', 'http://a/']).kind === 'http', true);
  assert.equal(questionOf(['http://a/']).kind, 'http');
});

const wrong: readonly (readonly [args: readonly string[], message: RegExp, help: RegExp])[] = [
  [['GTE', 'http://a/'], /GTE is no HTTP method/, /did you mean GET\?/],
  [['GET'], /GET of what/, /METHOD URL/],
  [['G T', 'http://a/'], /is no HTTP method/, /./],
  [['GET', 'ftp://a/'], /no http or https URL/, /tcp HOST:PORT/],
  [['GET', 'http:///x'], /names no host/, /./],
  [['GET', 'http://a:99999/'], /99999 is no port/, /./],
  [['GET', 'http://[zz]/'], /names no host/, /./],
  [['tcp', 'db'], /names no port/, /./],
  [['tcp'], /which address/, /./],
  [['dns'], /which name/, /./],
  [['GET', 'http://a/', 'b'], /one argument too many/, /./],
];
for (const [args, message, help] of wrong) {
  test(`${args.join(' ')} is refused in words`, () => {
    assert.throws(
      () => questionOf(args),
      (error: unknown) =>
        error instanceof Failure && error.exitCode === 2 && message.test(error.message) && help.test(error.help),
    );
  });
}
