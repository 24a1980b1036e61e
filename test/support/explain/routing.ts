// VirtualServices at random: every condition, everything a rule can do, for hosts of the world inside and outside.

import fc from 'fast-check';
import { mapOf, maybe, often, oneOf, someOf, sparse, upTo } from './arbitrary.ts';
import { hostOf, object, services, words, type Document } from './world.ts';

const text = (...values: readonly string[]) => oneOf(...values);

const uri = often<object>(
  [3, text(...words.paths).map((exact) => ({ exact }))],
  [4, text('/', '/a', '/a/', '/api', '/api/v1', '/A', '/b').map((prefix) => ({ prefix }))],
  [2, text('/a.*', '/api/v[0-9]+(/.*)?', '/(a|b)', '.*b', '/[A-Z]+', '/a/?', '(?i)/A.*', '/a%2Fb').map((regex) => ({ regex }))],
);

const textMatch = (values: readonly string[], prefixes: readonly string[], patterns: readonly string[]) =>
  often<object>(
    [4, text(...values).map((exact) => ({ exact }))],
    [2, text(...prefixes).map((prefix) => ({ prefix }))],
    [2, text(...patterns).map((regex) => ({ regex }))],
  );

/** An empty match is presence. */
const headerMatch = often<object>(
  [5, textMatch(words.values, ['a', 'an', 'v', 'application/'], ['a.*', 'ann|bob', 'v\\d', '.*', '^$', '.*user=ann.*'])],
  [1, fc.constant({})],
);

const queryMatch = often<object>(
  [5, textMatch(['1', '', '12', 'y', '%31'], ['1', '12'], ['\\d+', '.*', '1?'])],
  [1, fc.constant({})],
);

const headerNames = [...words.headers, 'X-Version', ':method', ':authority'];

/** What a request is like: a few conditions of many, a path among them as often as not. */
const httpMatch = fc
  .tuple(
    maybe(uri, 2),
    sparse(
      {
        ignoreUriCase: fc.boolean(),
        scheme: textMatch(['http', 'https'], ['http'], ['https?']),
        method: textMatch(['GET', 'POST', 'OPTIONS'], ['P', 'G'], ['GET|HEAD', 'P.*']),
        authority: textMatch(
          ['reviews', 'reviews:9080', 'api.ext.example', 'shop.example', 'SHOP.example'],
          ['re', 'api', 'shop'],
          ['.*example.*', 'reviews.*'],
        ),
        headers: mapOf(headerNames, headerMatch),
        withoutHeaders: mapOf(words.headers, headerMatch),
        queryParams: mapOf(['q', 'x', 'Q'], queryMatch),
      },
      5,
    ),
    // Whom a rule is for at all: one that is for others is no part of the configuration.
    sparse(
      {
        port: oneOf(80, 9080, 9080, 8000, 81),
        sourceLabels: oneOf<object>({ app: 'sleep' }, { app: 'sleep' }, { app: 'other' }, { app: 'sleep', version: 'v1' }),
        sourceNamespace: text('default', 'default', 'shop'),
        gateways: oneOf<string[]>(['mesh', 'edge/door'], ['mesh', 'edge/door'], ['mesh'], ['edge/door']),
        name: text('first', 'second'),
      },
      8,
    ),
  )
  .map(([path, conditions, scope]) => ({
    ...(path && { uri: path }),
    // An empty condition takes everything.
    ...(path === undefined && Object.keys(conditions).length === 0 && { uri: { prefix: '/a' } }),
    ...conditions,
    ...scope,
  }));

/** Where there is something, most of the time. */
const places = [
  ...services.flatMap((service) =>
    service.ports.filter(({ name }) => !/^(?:tcp|tls|https)/.test(name)).map(({ port }) => ({ host: hostOf(service), port })),
  ),
  { host: 'reviews', port: 9080 },
  { host: 'api.ext.example', port: 80 },
];

const destination = fc
  .tuple(
    often<{ host: string; port: number }>(
      [12, oneOf(...places)],
      [1, fc.constant({ host: 'nobody.default.svc.cluster.local', port: 80 })],
    ),
    often<string | undefined>([12, fc.constant(undefined)], [3, text('v1', 'v2')], [1, text('v3', 'none')]),
    often<number | undefined>([8, fc.constant(0)], [1, fc.constant(undefined)], [1, oneOf(9080, 80, 7070, 81)]),
  )
  .map(([{ host, port: own }, subset, port]) => ({
    host,
    ...(subset && { subset }),
    ...(port !== undefined && { port: { number: port === 0 ? own : port } }),
  }));

const headerOperations = (settable: readonly string[]) =>
  sparse(
    {
      set: mapOf(settable, text('one', 'two', '%REQ(x-user)%x')),
      add: mapOf(['x-add', 'x-user'], text('three', 'four')),
      remove: someOf(['x-user', 'x-version', 'cookie']),
    },
    2,
  );
const names = ['x-set', 'x-user', 'x-version'];
const headers = sparse({ request: headerOperations([...names, 'host']), response: headerOperations(names) }, 2);

const routes = often<object[]>(
  [4, destination.map((one) => [{ destination: one }])],
  [
    2,
    fc
      .tuple(destination, destination, oneOf([50, 50], [0, 100], [100, 0], [10, 90], [1, 2]), headers)
      .map(([one, other, [a = 0, b = 0], changes]) => [
        { destination: one, weight: a, headers: changes },
        { destination: other, weight: b },
      ]),
  ],
);

const redirect = sparse(
  {
    uri: text('/new', '/', 'new'),
    authority: text('new.example', 'new.example:8443'),
    scheme: text('https', 'http'),
    port: oneOf(8443, 443, 80),
    derivePort: text('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    redirectCode: oneOf(301, 302, 303, 307, 308),
    prefixRewrite: text('/p', '/'),
  },
  2,
).map(({ derivePort, port, prefixRewrite, uri: path, ...rest }) => ({
  ...rest,
  ...(port !== undefined ? { port } : derivePort !== undefined ? { derivePort } : {}),
  ...(path !== undefined ? { uri: path } : prefixRewrite !== undefined ? { prefixRewrite } : {}),
}));

const rewrite = often<object>(
  [3, text('/new', '/', '/new/', '/n?x=1').map((path) => ({ uri: path }))],
  [1, text('new.example', 'api.ext.example').map((authority) => ({ authority }))],
  [1, fc.constant({ uri: '/both', authority: 'both.example' })],
  [
    2,
    oneOf(['^/a(.*)$', '/r\\1'], ['/([a-z]+)/([a-z]+)', '/\\2/\\1'], ['b', 'c'], ['^/api/(v[0-9]+)', '/\\1']).map(
      ([match, to]) => ({ uriRegexRewrite: { match, rewrite: to } }),
    ),
  ],
);

const percentage = oneOf({ value: 100 }, { value: 100 }, { value: 0 }, { value: 50 });
const fault = often<object>(
  [
    3,
    fc.tuple(oneOf(400, 503, 555, 418), percentage).map(([httpStatus, share]) => ({ abort: { httpStatus, percentage: share } })),
  ],
  [
    1,
    fc
      .tuple(text('UNAVAILABLE', 'NOT_FOUND'), percentage)
      .map(([grpcStatus, share]) => ({ abort: { grpcStatus, percentage: share } })),
  ],
  [1, percentage.map((share) => ({ delay: { fixedDelay: '0.005s', percentage: share } }))],
);

const retries = often<object>(
  [1, fc.constant({ attempts: 0 })],
  [
    3,
    fc
      .tuple(
        oneOf(1, 2, 3),
        text('5xx', 'gateway-error', '503', 'retriable-4xx', 'connect-failure,refused-stream', '5xx,409'),
        sparse(
          { perTryTimeout: text('11s', '20s'), retryIgnorePreviousHosts: fc.boolean(), retryRemoteLocalities: fc.boolean() },
          4,
        ),
      )
      .map(([attempts, retryOn, more]) => ({ attempts, retryOn, backoff: '0.001s', ...more })),
  ],
);

const corsPolicy = sparse(
  {
    allowOrigins: upTo(
      2,
      often<object>(
        [3, text(...words.origins).map((exact) => ({ exact }))],
        [1, fc.constant({ prefix: 'https://' })],
        [1, fc.constant({ regex: 'https://[ab]\\.example' })],
        [1, fc.constant({ exact: '*' })],
      ),
      1,
    ),
    allowMethods: someOf(['GET', 'POST', 'PUT']),
    allowHeaders: someOf(['x-user', 'x-version']),
    exposeHeaders: someOf(['x-user']),
    maxAge: text('24h', '10s'),
    allowCredentials: fc.boolean(),
    unmatchedPreflights: text('FORWARD', 'IGNORE'),
  },
  2,
);

const more = sparse(
  {
    rewrite,
    timeout: text('0s', '15.5s', '13s', '20s'),
    retries,
    fault,
    mirror: destination,
    mirrors: upTo(
      2,
      fc.tuple(destination, percentage).map(([to, share]) => ({ destination: to, percentage: share })),
      1,
    ),
    corsPolicy,
    headers,
  },
  6,
).map(({ mirror, mirrors, ...rest }) => ({ ...rest, ...(mirrors ? { mirrors } : mirror ? { mirror } : {}) }));

const action = often<object>(
  [7, fc.tuple(routes, more).map(([route, rest]) => ({ route, ...rest }))],
  [1, fc.tuple(redirect, headers).map(([to, changes]) => ({ redirect: to, headers: changes }))],
  [
    1,
    fc
      .tuple(
        oneOf(200, 201, 404, 503),
        often<object>([1, fc.constant({})], [2, text('said', '{"a": 1}').map((string) => ({ body: { string } }))]),
      )
      .map(([status, body]) => ({ directResponse: { status, ...body } })),
  ],
);

const httpRule = fc
  .tuple(upTo(3, httpMatch), action, often<string | undefined>([2, fc.constant(undefined)], [1, text('named')]))
  .map(([match, does, name]) => ({
    ...(name && { name }),
    ...(changesPrefix(does) ? { match: [{ uri: { prefix: '/a' } }] } : match.length > 0 ? { match } : {}),
    ...does,
  }));

/** What the prefix of a redirect is, its match says. */
const changesPrefix = (does: object): boolean =>
  'redirect' in does && typeof does.redirect === 'object' && does.redirect !== null && 'prefixRewrite' in does.redirect;

/** Rules that others hand over to, and what these say for rules that say nothing themselves. */
const handover = fc
  .tuple(
    maybe(uri, 2),
    sparse(
      {
        timeout: text('14s'),
        rewrite,
        headers,
        retries,
        fault: fc.constant({ delay: { fixedDelay: '0.002s', percentage: { value: 100 } } }),
      },
      5,
    ),
    text('part', 'part', 'other', 'nobody'),
    oneOf(undefined, 'default', 'shop'),
  )
  .map(([path, own, name, namespace]) => ({
    ...(path && { match: [{ uri: path }] }),
    delegate: { name, ...(namespace && { namespace }) },
    ...own,
  }));

/** A rule that takes every request is the last one. */
const inOrder = (rules: readonly object[]): object[] => [
  ...rules.filter((each) => 'match' in each),
  ...rules.filter((each) => !('match' in each)).slice(0, 1),
];

const l4Route = often<object[]>(
  [3, destination.map((to) => [{ destination: { ...to } }])],
  [
    1,
    fc.tuple(destination, destination).map(([a, b]) => [
      { destination: a, weight: 30 },
      { destination: b, weight: 70 },
    ]),
  ],
);

const l4Match = {
  port: oneOf(9000, 5432, 443, 9443, 9001),
  sourceLabels: oneOf<object>({ app: 'sleep' }, { app: 'other' }),
  sourceNamespace: text('default', 'shop'),
  gateways: oneOf<string[]>(['mesh'], ['edge/door']),
};

const tcpRule = fc
  .tuple(
    upTo(2, sparse({ ...l4Match, destinationSubnets: oneOf(['127.96.0.0/16'], ['127.20.0.0/16', '127.96.0.1']) }, 2)),
    l4Route,
  )
  .map(([match, route]) => ({ ...(match.length > 0 && { match }), route }));

const tlsRule = fc.tuple(upTo(2, sparse(l4Match, 3), 1), l4Route).map(([match, route]) => ({ match, route }));

/** Server names are those of the hosts. */
const named = (
  rules: readonly { readonly match: readonly object[]; readonly route: readonly object[] }[],
  hosts: readonly string[],
): object[] => rules.map(({ match, route }) => ({ match: match.map((each) => ({ ...each, sniHosts: hosts })), route }));

const meshHosts = often<string>(
  [
    8,
    text(
      'reviews',
      'reviews.default.svc.cluster.local',
      'reviews.default.svc.cluster.local',
      'ratings.default.svc.cluster.local',
      'api.shop.svc.cluster.local',
      'db.shop.svc.cluster.local',
    ),
  ],
  [2, text('api.ext.example', '*.ext.example', '*.shop.svc.cluster.local', '*.default.svc.cluster.local')],
  [1, text('shop.example', '*.example')],
);
const doorHosts = often<string>(
  [5, text('shop.example', 'secure.example', '*.example')],
  [2, text('api.ext.example', '*.ext.example', '*', 'reviews.default.svc.cluster.local')],
);

/** One, or two that name different requests. */
const hostsOf = (one: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  often<string[]>(
    [6, one.map((host) => [host])],
    [1, someOf(['reviews.default.svc.cluster.local', 'api.shop.svc.cluster.local', 'shop.example', 'api.ext.example'])],
  );

export interface VirtualServiceOptions {
  /** Names of gateways that rules may be bound to; without any they are for the mesh. */
  readonly gateways: readonly string[];
}

/** Some VirtualServices, often for the same hosts, and those that they hand over to. */
export const virtualServices = (options: VirtualServiceOptions): fc.Arbitrary<Document[]> =>
  fc.tuple(withHosts(options), upTo(2, upTo(3, httpRule, 1).map(inOrder))).map(([roots, parts]) => {
    const handsOver = roots.some(({ spec }) => (spec as { http: object[] }).http.some((rule) => 'delegate' in rule));
    const named = ['part', 'other'].flatMap((name, index) => {
      const http = parts[index];
      return http === undefined
        ? []
        : [object('networking.istio.io/v1', 'VirtualService', name, index === 0 ? 'default' : 'shop', { http })];
    });
    return handsOver ? [...roots, ...named] : roots;
  });

const withHosts = ({ gateways }: VirtualServiceOptions): fc.Arbitrary<Document[]> =>
  upTo(
    3,
    fc
      .record({
        namespace: text('default', 'default', 'shop'),
        hosts: hostsOf(gateways.length > 0 ? doorHosts : meshHosts),
        gateways: often<string[] | undefined>(
          [gateways.length > 0 ? 1 : 4, fc.constant(undefined)],
          ...(gateways.length > 0 ? [[6, oneOf([...gateways], [...gateways, 'mesh'])] as const] : []),
        ),
        http: upTo(4, often<object>([10, httpRule], [1, handover]), 1).map(inOrder),
        others: sparse({ tcp: upTo(2, tcpRule, 1), tls: upTo(2, tlsRule, 1), exportTo: oneOf(['*'], ['.'], ['default']) }, 4),
      })
      .map(({ namespace, hosts: of, gateways: bound, http, others: { tls, ...others } }) => ({
        namespace,
        spec: { hosts: of, ...(bound && { gateways: bound }), http, ...others, ...(tls && { tls: named(tls, of) }) },
      })),
    1,
  ).map((list) =>
    list.map(({ namespace, spec }, index) =>
      object('networking.istio.io/v1', 'VirtualService', `rules-${index}`, namespace, spec),
    ),
  );
