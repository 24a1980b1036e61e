// Authorization and authentication policies at random, in the words of the world.

import fc from 'fast-check';
import { often, oneOf, someOf, sparse, upTo } from './arbitrary.ts';
import { object, targetPorts, words, type Document } from './world.ts';

const text = (...values: readonly string[]) => oneOf(...values);

const both = (name: string, values: readonly string[]): Record<string, fc.Arbitrary<string[]>> => ({
  [name]: someOf(values),
  [`not${name.charAt(0).toUpperCase()}${name.slice(1)}`]: someOf(values),
});

const { blocks } = words;

const source = sparse(
  {
    ...both('principals', [
      'cluster.local/ns/default/sa/sleep',
      'cluster.local/ns/shop/sa/api',
      'cluster.local/ns/default/*',
      '*/sa/sleep',
      '*',
    ]),
    ...both('namespaces', ['default', 'shop', 'def*', '*op', '*']),
    ...both('serviceAccounts', ['sleep', 'default/sleep', 'shop/api']),
    ...both('ipBlocks', blocks),
    ...both('remoteIpBlocks', blocks),
  },
  8,
).map(({ serviceAccounts, notServiceAccounts, ...rest }) => {
  // Accounts stand alone.
  const accounts = serviceAccounts ?? notServiceAccounts;
  if (accounts !== undefined) return serviceAccounts !== undefined ? { serviceAccounts } : { notServiceAccounts };
  return Object.keys(rest).length > 0 ? rest : { namespaces: ['default'] };
});

const operation = sparse(
  {
    ...both('hosts', ['reviews', 'reviews:*', 'reviews.default.svc.cluster.local', 'shop.example', 'REVIEWS', '*.example', '*']),
    ...both('methods', ['GET', 'POST', 'P*', '*']),
    ...both('paths', ['/a', '/a*', '*b', '/api/*', '/a/{*}', '/api/{**}', '/{*}/v1', '*', '/A']),
    ...both('ports', ['28080', '9080', '80', '28090']),
  },
  5,
).map((given) => (Object.keys(given).length > 0 ? given : { methods: ['GET'] }));

const conditionKeys: Readonly<Record<string, readonly string[]>> = {
  'request.headers[x-user]': ['ann', 'a*', '*n', '*'],
  'request.headers[X-Version]': ['v1', 'v*'],
  'source.ip': blocks,
  'remote.ip': blocks,
  'source.namespace': ['default', 'shop'],
  'source.principal': ['cluster.local/ns/default/sa/sleep', '*'],
  'destination.ip': ['127.1.0.1', '127.1.0.0/16'],
  'destination.port': ['28080', '9080'],
  'connection.sni': ['secure.example', '*.example', 'outbound_.9080_._.reviews.default.svc.cluster.local'],
};

const condition = oneOf(...Object.keys(conditionKeys)).chain((key) => {
  const values = conditionKeys[key] ?? [];
  return fc.tuple(someOf(values), fc.boolean()).map(([given, not]) => ({ key, [not ? 'notValues' : 'values']: given }));
});

const rule = sparse(
  {
    from: upTo(
      2,
      source.map((of) => ({ source: of })),
      1,
    ),
    to: upTo(
      2,
      operation.map((of) => ({ operation: of })),
      1,
    ),
    when: upTo(2, condition, 1),
  },
  2,
);

const authorizationPolicy = fc
  .record({
    namespace: text('default', 'shop', 'istio-system', 'edge'),
    selector: often<object>(
      [2, fc.constant({})],
      [1, text('reviews', 'api').map((app) => ({ selector: { matchLabels: { app } } }))],
    ),
    action: text('ALLOW', 'DENY', 'ALLOW', 'DENY', 'ALLOW', 'ALLOW', 'AUDIT'),
    rules: often<object>(
      [6, upTo(2, rule, 1).map((rules) => ({ rules }))],
      [1, fc.constant({})],
      [1, fc.constant({ rules: [{}] })],
    ),
  })
  // To deny takes rules.
  .map(({ namespace, selector, action, rules }) => ({
    namespace,
    spec: { ...selector, action: 'rules' in rules ? action : 'ALLOW', ...rules },
  }));

export const authorizationPolicies: fc.Arbitrary<Document[]> = upTo(3, authorizationPolicy).map((list) =>
  list.map(({ namespace, spec }, index) =>
    object('security.istio.io/v1', 'AuthorizationPolicy', `access-${index}`, namespace, spec),
  ),
);

const mode = text('STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET');

export const peerAuthentications: fc.Arbitrary<Document[]> = upTo(
  2,
  fc.tuple(
    text('default', 'shop', 'istio-system'),
    sparse(
      {
        selector: fc.constant({ matchLabels: { app: 'reviews' } }),
        mtls: mode.map((of) => ({ mode: of })),
      },
      2,
    ),
    often<object>([3, fc.constant({})], [1, mode.map((of) => ({ [String(targetPorts.http)]: { mode: of } }))]),
  ),
).map((list) =>
  list.map(([namespace, spec, ports], index) =>
    object('security.istio.io/v1', 'PeerAuthentication', `peers-${index}`, namespace, {
      ...spec,
      ...('selector' in spec && Object.keys(ports).length > 0 && { portLevelMtls: ports }),
    }),
  ),
);
