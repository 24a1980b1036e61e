// For any policies and any request, Envoy's RBAC decides as the policies say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../api/authorization-policy.ts';
import { httpRbac, tcpRbac } from './rbac.ts';
import { verdict, type TestRequest } from './test-evaluator.ts';
import { allows } from './test-oracle.ts';
import { connection, context, policy, request } from './test-policies.ts';

type Spec = AuthorizationPolicy['spec'];

/** Mostly nothing: rules of many conditions would hardly ever match. */
const few = (values: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.subarray([...values], { minLength: 1, maxLength: 2 }) },
  );

/** A record with some of the fields, each with some of its values. */
const fields = (choices: Readonly<Record<string, readonly string[]>>) =>
  fc
    .record(Object.fromEntries(Object.entries(choices).map(([name, values]) => [name, few(values)])))
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, values]) => values !== undefined)));

const accounts = ['sleep', 'sl.ep'];
const namespaces = ['foo', 'f.o', 'bar'];
const domains = ['td1', 'td2', 'other', 'cluster.local'];

const principals = [
  ...['td1', 'td2', 'other', 'cluster.local', '*', '*1', '*d2'].map((domain) => `${domain}/ns/foo/sa/sleep`),
  'td2/ns/f.o/sa/sl.ep',
  'td1/ns/foo/sa/*',
  'td1/ns/foo/*',
  'other/ns/*',
  '*/sa/sl.ep',
  '*',
];
const blocks = ['10.0.0.0/8', '10.0.0.1', '10.0.0.2/31', '192.168.0.0/16', '0.0.0.0/0'];
const requestPrincipals = ['i/s', 'i/*', '*', '*s', 'https://j/s'];

const both = (name: string, values: readonly string[]) => {
  const no = `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return { [name]: values, [no]: values };
};

const source = fields({
  ...both('principals', principals),
  ...both('namespaces', [...namespaces, 'f*', '*o', '*', 'f*o']),
  ...both('serviceAccounts', [...accounts, 'bar/sleep', 'f.o/sl.ep']),
  ...both('trustDomains', ['td1', 'other', '*1', 'o*']),
  ...both('ipBlocks', blocks),
  ...both('remoteIpBlocks', blocks),
  ...both('requestPrincipals', requestPrincipals),
});

const operation = fields({
  ...both('hosts', ['A.com', 'a.com:*', '*.com', '*']),
  ...both('methods', ['GET', 'P*', '*']),
  ...both('paths', ['/a', '/a*', '*b', '*', '/a/{*}', '/{*}/b', '/a/{**}']),
  ...both('ports', ['80', '8000']),
});

const whenKeys: Readonly<Record<string, readonly string[]>> = {
  'request.headers[X-User]': ['ann', 'a*', '*n', '*'],
  'source.namespace': namespaces,
  'source.ip': blocks,
  'destination.ip': ['10.0.0.9', '10.0.0.0/24'],
  'connection.sni': ['a.com', '*.com', '*'],
  'request.auth.audiences': ['x', 'x*', '*'],
};

const condition = fc
  .constantFrom(...Object.keys(whenKeys))
  .chain((key) => fields({ values: whenKeys[key] ?? [], notValues: whenKeys[key] ?? [] }).map((rest) => ({ key, ...rest })));

const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 2, size: 'max' });

const rule = fc.record(
  {
    from: some(source.map((of) => ({ source: of }))),
    to: some(operation.map((of) => ({ operation: of }))),
    when: some(condition),
  },
  { requiredKeys: [] },
);

const spec: fc.Arbitrary<Spec> = fc.record(
  { action: fc.constantFrom('ALLOW' as const, 'DENY' as const), rules: fc.array(rule, { maxLength: 2 }) },
  { requiredKeys: [] },
);

const identity = fc
  .tuple(fc.constantFrom(...domains), fc.constantFrom(...namespaces, 'fxo'), fc.constantFrom(...accounts, 'slxep'))
  .map(([domain, namespace, account]) => `spiffe://${domain}/ns/${namespace}/sa/${account}`);

const address = fc.constantFrom('10.0.0.1', '10.0.0.3', '192.168.1.1', '172.16.0.1');

const token = fc.record(
  {
    iss: fc.constantFrom('i', 'https://j'),
    sub: fc.constantFrom('s', 'ss'),
    aud: fc.oneof(fc.constantFrom('x', 'y'), fc.subarray(['x', 'xy', 'y'])),
  },
  { requiredKeys: [] },
);

const peer = {
  identity: fc.option(identity, { nil: undefined }),
  peer: address,
  remote: address,
  destination: fc.constantFrom('10.0.0.9', '10.1.0.9'),
  port: fc.constantFrom(80, 8000),
  sni: fc.constantFrom('', 'a.com', 'b.org'),
};

const httpRequest: fc.Arbitrary<TestRequest> = fc
  .record({
    ...peer,
    method: fc.constantFrom('GET', 'POST', 'DELETE'),
    host: fc.constantFrom('a.com', 'A.COM', 'a.com:80', 'b.org'),
    path: fc.constantFrom('/', '/a', '/a?x=/b', '/a/b', '/c/b?', '/a/b/c', '/ab'),
    user: fc.option(fc.array(fc.constantFrom('ann', 'bob', ''), { minLength: 1, maxLength: 2 }), { nil: undefined }),
    token: fc.option(token, { nil: undefined }),
  })
  .map(({ user, token: payload, ...rest }) =>
    request({
      ...rest,
      ...(user && { headers: { 'x-user': user } }),
      ...(payload && { metadata: { 'envoy.filters.http.jwt_authn': { payload } } }),
    }),
  );

const runs = { numRuns: 800 };

test('HTTP: the filters decide as the policies say', () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 3 }),
      fc.array(httpRequest, { minLength: 4, maxLength: 4 }),
      (specs, requests) => {
        const { filters, diagnostics } = httpRbac(named(specs), context);
        assert.deepEqual(diagnostics, []);
        for (const asked of requests) {
          const expected = allows(specs, asked);
          seen.add(expected);
          assert.equal(verdict(filters, asked).allowed, expected);
        }
      },
    ),
    runs,
  );
  assert.equal(seen.size, 2);
});

test('TCP: the filters decide as the policies say, without what TCP connections lack', () => {
  const seen = new Set<boolean>();
  fc.assert(
    fc.property(
      fc.array(spec, { minLength: 1, maxLength: 3 }),
      fc.array(fc.record(peer), { minLength: 4, maxLength: 4 }),
      (specs, peers) => {
        const { filters } = tcpRbac(named(specs), context);
        for (const from of peers) {
          const asked = connection(from);
          const expected = allows(specs, asked);
          seen.add(expected);
          assert.equal(verdict(filters, asked).allowed, expected);
        }
      },
    ),
    runs,
  );
  assert.equal(seen.size, 2);
});

test('any words in any field: no exception, and the same bytes each time', () => {
  const anything = fc.array(fc.string({ unit: 'binary' }), { maxLength: 2 });
  const wild = fc.record({
    action: fc.constantFrom('ALLOW' as const, 'DENY' as const, 'CUSTOM' as const, 'AUDIT' as const),
    rules: fc.array(
      fc.record({
        from: fc.array(
          fc.record({
            source: fc.record({
              principals: anything,
              namespaces: anything,
              ipBlocks: anything,
              requestPrincipals: anything,
              serviceAccounts: anything,
            }),
          }),
        ),
        to: fc.array(fc.record({ operation: fc.record({ paths: anything, ports: anything, hosts: anything }) })),
        when: fc.array(fc.record({ key: fc.string(), values: anything })),
      }),
      { maxLength: 2 },
    ),
  });
  fc.assert(
    fc.property(wild, (made) => {
      const bytes = () => httpRbac([policy(made)], context).filters.map(({ config }) => config.value);
      assert.deepEqual(bytes(), bytes());
    }),
    { numRuns: 200 },
  );
});

const named = (specs: readonly Spec[]) => specs.map((of, index) => policy(of, `p${index}`));
