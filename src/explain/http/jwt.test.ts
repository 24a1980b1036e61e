import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpedConfiguration } from '../dump.ts';
import { everyCase, type Doubt } from '../doubt.ts';
import { explain } from '../explain.ts';
import type { HttpRequest } from '../request.ts';

const provider = (issuer: string, audiences: readonly string[] = []) => ({
  issuer,
  audiences,
  payload_in_metadata: 'payload',
  claim_to_headers: [{ header_name: 'x-sub', claim_name: 'sub.name' }],
  forward: true,
});
const filters = [
  {
    name: 'tokens',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
      providers: { a: provider('https://a', ['web']), b: provider('https://b') },
      rules: [
        { match: { prefix: '/open' } },
        {
          match: { prefix: '/both' },
          requires: { requires_any: { requirements: [{ provider_name: 'a' }, { provider_name: 'b' }] } },
        },
        {
          match: { prefix: '/maybe' },
          requires: { requires_any: { requirements: [{ provider_name: 'b' }, { allow_missing: {} }] } },
        },
        { match: { prefix: '/' }, requires: { provider_name: 'a' } },
      ],
    },
  },
  {
    name: 'rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
      rules: {
        action: 'DENY',
        policies: {
          bots: {
            permissions: [{ any: true }],
            principals: [
              {
                metadata: {
                  filter: 'envoy.filters.http.jwt_authn',
                  path: [{ key: 'payload' }, { key: 'role' }],
                  value: {
                    or_match: {
                      value_matchers: [
                        { string_match: { exact: 'bot' } },
                        { list_match: { one_of: { string_match: { exact: 'bot' } } } },
                      ],
                    },
                  },
                },
              },
            ],
          },
        },
      },
    },
  },
];

const configuration = dumpedConfiguration(
  JSON.stringify({
    configs: [
      {
        static_listeners: [
          {
            listener: {
              name: 'front',
              address: { socket_address: { address: '0.0.0.0', port_value: 80 } },
              filter_chains: [
                {
                  filters: [
                    {
                      name: 'http',
                      typed_config: {
                        '@type':
                          'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                        route_config: {
                          virtual_hosts: [
                            {
                              name: 'all',
                              domains: ['*'],
                              routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }],
                            },
                          ],
                        },
                        http_filters: filters,
                      },
                    },
                  ],
                },
              ],
            },
          },
        ],
      },
    ],
  }),
);

const ask = (path: string, claims?: Readonly<Record<string, unknown>>, doubt?: Doubt) => {
  if (typeof configuration === 'string') assert.fail(configuration);
  const request: HttpRequest = {
    kind: 'http',
    entry: { port: 80 },
    destination: { address: '10.0.0.1', port: 80 },
    source: { address: '10.0.0.2' },
    version: 'HTTP/1.1',
    method: 'GET',
    authority: 'a',
    path,
    headers: [],
    claims,
    doubt,
  };
  const { outcome } = explain(configuration, request);
  return outcome.kind === 'answered' ? `${outcome.status} ${outcome.because}` : outcome.kind;
};

const missing = '401 jwt_authn_access_denied{Jwt_is_missing}';
const through = '204 direct_response';
const cases: readonly (readonly [path: string, claims: Readonly<Record<string, unknown>> | undefined, ends: string])[] = [
  ['/open', undefined, through],
  ['/x', undefined, missing],
  ['/x', { iss: 'https://a', aud: 'web' }, through],
  ['/x', { iss: 'https://a', aud: ['other', 'web'] }, through],
  ['/x', { iss: 'https://a', aud: 'other' }, '403 jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}'],
  ['/x', { iss: 'https://b' }, '401 jwt_authn_access_denied{Jwt_issuer_is_not_configured}'],
  ['/both', { iss: 'https://b' }, through],
  ['/both', undefined, missing],
  ['/maybe', undefined, through],
  ['/maybe', { iss: 'https://c' }, '401 jwt_authn_access_denied{Jwt_issuer_is_not_configured}'],
  ['/both', { iss: 'https://b', role: ['user', 'bot'] }, '403 rbac_access_denied_matched_policy[bots]'],
  ['/both', { iss: 'https://b', role: 'user' }, through],
];
for (const [path, claims, ends] of cases) {
  test(`${path} with ${JSON.stringify(claims)}: ${ends}`, () => assert.equal(ask(path, claims), ends));
}

const foreign = '401 jwt_authn_access_denied{Jwt_issuer_is_not_configured}';
const denied = '403 rbac_access_denied_matched_policy[bots]';
const doubted: readonly (readonly [path: string, ends: readonly string[]])[] = [
  ['/open', [through]],
  ['/x', [missing, foreign, denied, through]],
  // A token of the one, of the other, with that role or not; or none.
  ['/both', [missing, foreign, denied, through]],
  ['/maybe', [foreign, denied, through]],
];
for (const [path, ends] of doubted) {
  test(`${path} with a token, or without, that nobody knows: ${ends.join(' or ')}`, () => {
    const cases = everyCase((doubt) => ask(path, undefined, doubt)) ?? [];
    assert.deepEqual([...new Set(cases.map(({ result }) => result))].sort(), [...ends].sort());
  });
}
