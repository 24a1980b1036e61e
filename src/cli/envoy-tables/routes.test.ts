import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { any, listening, manager, origin, routing, rowsOf, shownOf, socket } from '../../../test/support/envoy-dump.ts';
import { configurationText } from './configuration.ts';

describe('the table of routes', () => {
  const header = (name: string, match: Readonly<Record<string, JsonValue>>): JsonValue => ({ name, ...match });
  const cases: readonly (readonly [words: string, match: JsonValue])[] = [
    ['/*', { prefix: '/' }],
    ['/old', { path: '/old' }],
    ['/api[/*] (any case)', { path_separated_prefix: '/api', case_sensitive: false }],
    ['~/v[0-9]+', { safe_regex: { regex: '/v[0-9]+' } }],
    [
      '/* POST end-user=jason',
      {
        prefix: '/',
        headers: [
          header('end-user', { string_match: { exact: 'jason' } }),
          header(':method', { string_match: { exact: 'POST' } }),
        ],
      },
    ],
    ['/* !POST', { prefix: '/', headers: [header(':method', { string_match: { exact: 'POST' }, invert_match: true })] }],
    ['/* host=~.*', { prefix: '/', headers: [header(':authority', { string_match: { safe_regex: { regex: '.*' } } })] }],
    [
      '/* x-a !x-b',
      {
        prefix: '/',
        headers: [header('x-a', { present_match: true }), header('x-b', { present_match: true, invert_match: true })],
      },
    ],
    [
      '/* x=a* x=*b x=*c* x=~d',
      {
        prefix: '/',
        headers: [{ prefix: 'a' }, { suffix: 'b' }, { contains: 'c' }, { safe_regex: { regex: 'd' } }].map((match) =>
          header('x', { string_match: match }),
        ),
      },
    ],
    ['/* x=1..9', { prefix: '/', headers: [header('x', { range_match: { start: '1', end: '10' } })] }],
    [
      '/* ?debug ?user=jason* !?old',
      {
        prefix: '/',
        query_parameters: [
          { name: 'debug', present_match: true },
          { name: 'user', string_match: { prefix: 'jason' } },
          { name: 'old', present_match: false },
        ],
      },
    ],
    ['/* gRPC 10 %', { prefix: '/', grpc: {}, runtime_fraction: { default_value: { numerator: 10, denominator: 'HUNDRED' } } }],
    ['CONNECT', { connect_matcher: {} }],
  ];
  for (const [words, match] of cases)
    it(`says ${words}`, async () => {
      const shown = await shownOf(
        routing([{ name: 'v', domains: ['*'], routes: [{ match, direct_response: { status: 503 } }] }]),
      );
      assert.deepEqual(rowsOf(shown, 'routes'), [['*', words, 'answers 503', '-', '-', '9080', '-']]);
    });

  it('says where a request goes, with its limits, in the order of Envoy, and what made it so', async () => {
    const domains = [
      'reviews.default.svc.cluster.local',
      'reviews',
      'reviews.default',
      '10.96.0.4',
      'other.example',
      'reviews.default.svc.cluster.local.',
    ];
    const shown = await shownOf(
      routing([
        {
          name: 'reviews:9080',
          domains,
          metadata: origin('Service/default/reviews'),
          routes: [
            {
              match: { prefix: '/api' },
              metadata: origin('VirtualService/default/reviews#spec.http[0]'),
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: 'outbound|9080|v1|reviews.default.svc.cluster.local', weight: 80 },
                    { name: 'outbound|9080|v2|reviews.default.svc.cluster.local', weight: 20 },
                  ],
                },
                prefix_rewrite: '/',
                timeout: '3s',
                retry_policy: { num_retries: 4, retry_on: '5xx', per_try_timeout: '0.5s' },
                request_mirror_policies: [{ cluster: 'outbound|80||copies.default.svc.cluster.local' }],
                hash_policy: [{ header: { header_name: 'x-user' } }],
              },
            },
            { match: { path: '/old' }, redirect: { path_redirect: '/new' } },
            { match: { prefix: '/' }, route: { cluster: 'inbound|9080||', timeout: '0s' } },
          ],
        },
      ]),
    );
    const host = 'reviews.default.svc.cluster.local, other.example';
    assert.deepEqual(rowsOf(shown, 'routes'), [
      [
        host,
        '/api*',
        'reviews.default:9080 v1 80 %, reviews.default:9080 v2 20 %; rewritten to path /; mirrored to copies.default:80 100 %',
        '3 s',
        '4 on 5xx, 500 ms each',
        '9080',
        'VirtualService/default/reviews spec.http[0]',
      ],
      [host, '/old', 'redirects: 301 to path /new', '-', '-', '9080', 'Service/default/reviews'],
      [host, '/*', 'its own port 9080', '-', '-', '9080', 'Service/default/reviews'],
    ]);
    assert.deepEqual(rowsOf(shown, 'routes', {}, { wide: true })[0]?.slice(7), [
      'kept together by header x-user',
      'reviews:9080',
      domains.join(' '),
    ]);
    assert.equal(rowsOf(shown, 'routes', { filters: { fqdn: 'other' } }).length, 3);
    assert.equal(rowsOf(shown, 'routes', { filters: { port: '9080', name: '9080' } }).length, 3);
    assert.equal(configurationText(shown, { part: 'routes', filters: { port: '80' } }), '');
  });

  it('has the tables that stand inside listeners, each once', async () => {
    const table = {
      name: 'inbound|80||',
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'inbound|80||' } }] }],
    };
    const shown = await shownOf(
      listening({
        name: 'l',
        address: socket('0.0.0.0', 15_006),
        filter_chains: [{ filters: [manager({ route_config: table })] }, { filters: [manager({ route_config: table })] }],
      }),
    );
    assert.deepEqual(
      rowsOf(shown, 'routes').map((row) => row[5]),
      ['inbound|80||'],
    );
    // Envoy itself lists it once for each chain.
    const listed = { route_config: any('envoy.config.route.v3.RouteConfiguration', table) };
    assert.equal(rowsOf(await shownOf({ static_route_configs: [listed, listed] }), 'routes').length, 1);
  });
});
