// Policies and requests at random, from few enough words that they often meet: for tests of what policies become.

import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../api/authorization-policy.ts';
import type { TestRequest } from './test-evaluator.ts';
import { connection, request } from './test-policies.ts';

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
const blocks = ['127.0.0.2', '127.0.0.0/24', '10.0.0.0/8', '10.0.0.1', '10.0.0.2/31', '0.0.0.0/0'];
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

/** An ALLOW or DENY policy. */
export const spec: fc.Arbitrary<Spec> = fc.record(
  { action: fc.constantFrom('ALLOW' as const, 'DENY' as const), rules: fc.array(rule, { maxLength: 2 }) },
  { requiredKeys: [] },
);

const identity = fc
  .tuple(fc.constantFrom(...domains), fc.constantFrom(...namespaces, 'fxo'), fc.constantFrom(...accounts, 'slxep', 'sleep-2'))
  .map(([domain, namespace, account]) => `spiffe://${domain}/ns/${namespace}/sa/${account}`);

/** What a JWT filter leaves behind of a token. */
export const token = fc.record(
  {
    iss: fc.constantFrom('i', 'https://j'),
    sub: fc.constantFrom('s', 'ss'),
    aud: fc.oneof(fc.constantFrom('x', 'y'), fc.subarray(['x', 'xy', 'y'])),
  },
  { requiredKeys: [] },
);

/** What both kinds of traffic have. */
const peer = {
  identity: fc.option(identity, { nil: undefined }),
  // On loopback, so that a test on one machine can really come from there.
  peer: fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.1.1'),
  remote: fc.constantFrom('10.0.0.1', '10.0.0.3', '192.168.1.1'),
  destination: fc.constantFrom('10.0.0.9', '10.1.0.9'),
  port: fc.constantFrom(80, 8000),
  sni: fc.constantFrom('', 'a.com', 'b.org'),
};

/** An HTTP request. */
export const httpRequest: fc.Arbitrary<TestRequest> = fc
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

/** A TCP connection. */
export const tcpConnection: fc.Arbitrary<TestRequest> = fc.record(peer).map((given) => connection(given));

/** Words that somebody may well write, right or wrong, and any others. */
const words = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '',
      '*',
      '**',
      '***',
      '/{*}',
      '/{**}',
      '/{**}/x/',
      '/{**}/{*}',
      '{*}',
      '/a{*}',
      '//{*}',
      '/é/{*}',
      '/{*',
      '[',
      '[]',
      '[x]',
    ),
    fc.constantFrom(
      '0',
      '080',
      '65535',
      '65536',
      '1.2.3.4/0',
      '1.2.3.4/33',
      '::/0',
      '::1/129',
      '1:2:3:4:5:6:7::',
      '/',
      'a\0b',
      '(',
      '\\',
    ),
  ),
  { maxLength: 2 },
);

const keys = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'request.headers[\0]',
    'request.headers[a b]',
    'request.headers[:path]',
    'request.headers',
    'request.auth.claims[[]]',
  ),
  fc.constantFrom(
    'experimental.envoy.filters.x[]',
    'experimental.envoy.filters.x[[]',
    'destination.ip',
    'connection.sni',
    'source.trustDomain',
  ),
);

/** Policies of any action with any words in any field. */
export const wildSpec: fc.Arbitrary<Spec> = fc.record({
  action: fc.constantFrom('ALLOW' as const, 'DENY' as const, 'CUSTOM' as const, 'AUDIT' as const),
  rules: fc.array(
    fc.record({
      from: some(
        fc
          .record({
            principals: words,
            requestPrincipals: words,
            namespaces: words,
            serviceAccounts: words,
            trustDomains: words,
            ipBlocks: words,
            notRemoteIpBlocks: words,
          })
          .map((of) => ({ source: of })),
      ),
      to: some(
        fc.record({ hosts: words, methods: words, paths: words, notPaths: words, ports: words }).map((of) => ({ operation: of })),
      ),
      when: some(fc.record({ key: keys, values: words, notValues: words })),
    }),
    { maxLength: 2 },
  ),
});
