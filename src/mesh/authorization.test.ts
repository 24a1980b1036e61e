// The normal form of authorization policies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationPolicy } from '../api/authorization-policy.ts';
import { originOf, pathText, type ApiObject } from '../api/object.ts';
import { attributeOf, isSenderAttribute, needsHttp } from './authorization-attribute.ts';
import { authorization, type Conditions } from './authorization.ts';

const object = (spec: AuthorizationPolicy['spec'], annotations: Record<string, string> = {}): ApiObject<AuthorizationPolicy> => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'p', namespace: 'foo', labels: {}, annotations },
  body: { spec },
  origin: originOf('-'),
});

/** `attribute = values @ path` of each condition. */
const shown = (conditions: Conditions) =>
  conditions.map(({ attribute, values, notValues }) => {
    const { list, path } = values.list.length > 0 ? values : notValues;
    return `${attribute.kind} ${values.list.length > 0 ? '=' : '!='} ${list.join(',')} @ ${pathText(path)}`;
  });

test('what `when` asks is in every alternative of its side', () => {
  const [rule] = authorization(
    object({
      rules: [
        {
          from: [{ source: { principals: ['a'] } }, { source: { notNamespaces: ['b'] } }],
          when: [
            { key: 'source.ip', values: ['10.0.0.1'] },
            { key: 'destination.port', notValues: ['80'] },
          ],
        },
      ],
    }),
  ).rules;
  assert.ok(rule);
  const address = 'source.ip = 10.0.0.1 @ spec.rules[0].when[0].values';
  assert.deepEqual(rule.from.map(shown), [
    ['source.principal = a @ spec.rules[0].from[0].source.principals', address],
    ['source.namespace != b @ spec.rules[0].from[1].source.notNamespaces', address],
  ]);
  assert.deepEqual(rule.to.map(shown), [['destination.port != 80 @ spec.rules[0].when[1].notValues']]);
});

test('nothing, empty lists and empty sources ask nothing', () => {
  for (const rule of [
    {},
    { from: [], to: [], when: [] },
    { from: [{ source: {} }], to: [{ operation: { paths: [] } }] },
    { from: [{}] },
  ]) {
    const [read] = authorization(object({ rules: [rule] })).rules;
    assert.deepEqual([read?.from, read?.to], [[[]], [[]]]);
  }
});

test('service accounts are of a namespace', () => {
  const spec = {
    rules: [
      { from: [{ source: { serviceAccounts: ['a', 'bar/b'] } }], when: [{ key: 'source.serviceAccount', notValues: ['c'] }] },
    ],
  };
  assert.deepEqual(authorization(object(spec)).rules[0]?.from.map(shown), [
    [
      'source.serviceAccount = foo/a,bar/b @ spec.rules[0].from[0].source.serviceAccounts',
      'source.serviceAccount != foo/c @ spec.rules[0].when[0].notValues',
    ],
  ]);
});

test('action and dry run', () => {
  assert.equal(authorization(object({})).action, 'ALLOW');
  assert.equal(authorization(object({ action: 'CUSTOM', provider: { name: 'x' } })).provider, 'x');
  for (const [value, dryRun] of [
    ['true', true],
    ['1', true],
    ['false', false],
    ['yes', false],
  ] as const) {
    assert.equal(authorization(object({}, { 'istio.io/dry-run': value })).dryRun, dryRun, value);
  }
});

test('keys of conditions', () => {
  assert.deepEqual(attributeOf('request.headers[X-User]'), { kind: 'request.headers', header: 'X-User' });
  assert.deepEqual(attributeOf('request.auth.claims[a]'), { kind: 'request.auth.claims', claim: ['a'] });
  assert.deepEqual(attributeOf('request.auth.claims[a][b.c]'), { kind: 'request.auth.claims', claim: ['a', 'b.c'] });
  assert.deepEqual(attributeOf('request.auth.claims[a-[b]-c]'), { kind: 'request.auth.claims', claim: ['a-[b]-c'] });
  assert.deepEqual(attributeOf('experimental.envoy.filters.a.b[c]'), {
    kind: 'filter.metadata',
    filter: 'envoy.filters.a.b',
    key: 'c',
  });
  for (const key of ['', 'request.headers', 'request.headers[]', 'source.user', 'request.path', 'experimental.envoy.filters.a']) {
    assert.deepEqual(attributeOf(key), { kind: 'unknown', key });
  }
});

test('which side an attribute is on, and what TCP connections lack', () => {
  const sides = (key: string) => [isSenderAttribute(attributeOf(key)), needsHttp(attributeOf(key))];
  assert.deepEqual(sides('source.principal'), [true, false]);
  assert.deepEqual(sides('remote.ip'), [true, false]);
  assert.deepEqual(sides('request.headers[a]'), [true, true]);
  assert.deepEqual(sides('request.auth.claims[a]'), [true, true]);
  assert.deepEqual(sides('destination.ip'), [false, false]);
  assert.deepEqual(sides('connection.sni'), [false, false]);
  assert.deepEqual(sides('experimental.envoy.filters.a[b]'), [false, false]);
  assert.deepEqual([isSenderAttribute({ kind: 'request.path' }), needsHttp({ kind: 'request.path' })], [false, true]);
});
