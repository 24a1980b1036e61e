// EnvoyFilters at random, of the shapes that people write: headers, settings of the connection manager, limits, tokens, filters and routes.

import fc from 'fast-check';
import { often, oneOf, upTo } from './arbitrary.ts';
import { issuers, keySet } from './tokens.ts';
import { object, type Document, type Side } from './world.ts';

const contexts: Readonly<Record<Side, string>> = { outbound: 'SIDECAR_OUTBOUND', inbound: 'SIDECAR_INBOUND', gateway: 'GATEWAY' };

const of = (type: string) => `type.googleapis.com/envoy.extensions.filters.${type}`;
const header = (key: string, value: string, append_action = 'APPEND_IF_EXISTS_OR_ADD') => ({
  header: { key, value },
  append_action,
});

const actions = ['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS'] as const;
const added = fc
  .tuple(
    oneOf('x-user', 'x-patched', 'x-version'),
    oneOf('patched', '%REQ(x-user)%', '%PROTOCOL% %REQ(:PATH)%'),
    oneOf(...actions),
  )
  .map((parts) => header(...parts));

const changes = often<object>(
  [3, added.map((each) => ({ request_headers_to_add: [each] }))],
  [2, added.map((each) => ({ response_headers_to_add: [each] }))],
  [1, oneOf('x-user', 'x-version', 'cookie').map((name) => ({ request_headers_to_remove: [name] }))],
);

const routeChange = often<object>(
  [3, changes],
  [
    2,
    oneOf<object>(
      { timeout: '17s' },
      { idle_timeout: '26s' },
      { host_rewrite_literal: 'patched.example' },
      { append_x_forwarded_host: true },
      { retry_policy: { num_retries: 1 } },
      { max_stream_duration: { max_stream_duration: '25s' } },
    ).map((route) => ({ route })),
  ],
);

const managerChange = oneOf<object>(
  { use_remote_address: true, xff_num_trusted_hops: 1 },
  { path_with_escaped_slashes_action: 'REJECT_REQUEST' },
  { path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT' },
  { path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' },
  { merge_slashes: true },
  { strip_any_host_port: true },
  { strip_trailing_host_dot: true },
  { http_protocol_options: { accept_http_10: true, default_host_for_http_10: 'reviews' } },
  { server_name: 'patched' },
  { via: 'patched' },
  { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
  {
    early_header_mutation_extensions: [
      {
        name: 'early',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
          mutations: [{ append: header('x-user', 'ann', 'ADD_IF_ABSENT') }],
        },
      },
    ],
  },
);

const provider = (issuer: string) => ({
  issuer,
  local_jwks: { inline_string: keySet },
  payload_in_metadata: 'payload',
});

const tokens = fc
  .tuple(
    oneOf<object>(
      { provider_name: 'first' },
      { requires_any: { requirements: [{ provider_name: 'first' }, { provider_name: 'second' }] } },
      { requires_any: { requirements: [{ provider_name: 'first' }, { allow_missing: {} }] } },
      { requires_any: { requirements: [{ provider_name: 'first' }, { provider_name: 'second' }, { allow_missing: {} }] } },
      { allow_missing: {} },
      { allow_missing_or_failed: {} },
      { provider_and_audiences: { provider_name: 'first', audiences: ['web'] } },
      { requires_all: { requirements: [{ provider_name: 'first' }, { allow_missing_or_failed: {} }] } },
    ),
    oneOf<object>(
      {},
      { forward: true },
      { audiences: ['web'] },
      { claim_to_headers: [{ header_name: 'x-sub', claim_name: 'sub' }] },
    ),
    oneOf<object>({ prefix: '/' }, { prefix: '/', headers: [{ name: 'x-user', present_match: true }] }, { prefix: '/a' }),
  )
  .map(([requires, more, match]) => ({
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': of('http.jwt_authn.v3.JwtAuthentication'),
      providers: { first: { ...provider(issuers.first), ...more }, second: provider(issuers.second) },
      rules: [{ match, requires }],
    },
  }));

const claim = (...path: readonly string[]) => ({
  metadata: {
    filter: 'envoy.filters.http.jwt_authn',
    path: ['payload', ...path].map((key) => ({ key })),
    value: {
      or_match: {
        value_matchers: [{ string_match: { exact: 'ann' } }, { list_match: { one_of: { string_match: { exact: 'ann' } } } }],
      },
    },
  },
});

const httpFilter = often<object>(
  [2, tokens],
  [
    1,
    fc
      .tuple(oneOf('ALLOW', 'DENY'), oneOf(claim('sub'), claim('groups'), claim('nested', 'name')))
      .map(([action, principal]) => ({
        name: 'by-claim',
        typed_config: {
          '@type': of('http.rbac.v3.RBAC'),
          rules: { action, policies: { claims: { permissions: [{ any: true }], principals: [principal] } } },
        },
      })),
  ],
  [
    2,
    fc.tuple(added, added).map(([request, response]) => ({
      name: 'headers',
      typed_config: {
        '@type': of('http.header_mutation.v3.HeaderMutation'),
        mutations: { request_mutations: [{ remove: 'cookie' }, { append: request }], response_mutations: [{ append: response }] },
      },
    })),
  ],
  [
    1,
    fc.constant({
      name: 'envoy.filters.http.local_ratelimit',
      typed_config: {
        '@type': of('http.local_ratelimit.v3.LocalRateLimit'),
        stat_prefix: 'limit',
        token_bucket: { max_tokens: 1_000_000, tokens_per_fill: 1_000_000, fill_interval: '60s' },
        filter_enabled: { default_value: { numerator: 100 } },
        filter_enforced: { default_value: { numerator: 100 } },
      },
    }),
  ],
  [
    1,
    oneOf<object>({ http_status: 429 }, { header_abort: {} }).map((abort) => ({
      name: 'patched-fault',
      typed_config: {
        '@type': of('http.fault.v3.HTTPFault'),
        abort: { ...abort, percentage: { numerator: 100 } },
        headers: [{ name: 'x-user', string_match: { exact: 'ann' } }],
      },
    })),
  ],
);

type Patch = Readonly<Record<string, unknown>>;

const patch = (context: string): fc.Arbitrary<Patch> =>
  often<Patch>(
    [
      3,
      fc.tuple(oneOf<object>({}, { vhost: { route: { action: 'ROUTE' } } }), routeChange).map(([routeConfiguration, value]) => ({
        applyTo: 'HTTP_ROUTE',
        match: { context, routeConfiguration },
        patch: { operation: 'MERGE', value },
      })),
    ],
    [2, changes.map((value) => ({ applyTo: 'VIRTUAL_HOST', match: { context }, patch: { operation: 'MERGE', value } }))],
    [
      2,
      often<object>(
        [3, changes],
        [1, fc.constant({ ignore_port_in_host_matching: true })],
        [1, fc.constant({ most_specific_header_mutations_wins: true })],
      ).map((value) => ({ applyTo: 'ROUTE_CONFIGURATION', match: { context }, patch: { operation: 'MERGE', value } })),
    ],
    [
      3,
      managerChange.map((change) => ({
        applyTo: 'NETWORK_FILTER',
        match: { context, listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } },
        patch: {
          operation: 'MERGE',
          value: {
            typed_config: { '@type': of('network.http_connection_manager.v3.HttpConnectionManager'), ...change },
          },
        },
      })),
    ],
    [
      4,
      fc.tuple(oneOf('INSERT_BEFORE', 'INSERT_FIRST'), httpFilter).map(([operation, value]) => ({
        applyTo: 'HTTP_FILTER',
        match: {
          context,
          listener: {
            filterChain: {
              filter: {
                name: 'envoy.filters.network.http_connection_manager',
                ...(operation === 'INSERT_BEFORE' && { subFilter: { name: 'envoy.filters.http.router' } }),
              },
            },
          },
        },
        patch: { operation, value },
      })),
    ],
    [
      1,
      oneOf<object>({ lb_policy: 'RANDOM' }, { connect_timeout: '14s' }).map((value) => ({
        applyTo: 'CLUSTER',
        match: { context },
        patch: { operation: 'MERGE', value },
      })),
    ],
  );

/** For the side that is looked at; none at all in three scenes of four. */
export const envoyFilters = (side: Side): fc.Arbitrary<Document[]> =>
  often<Document[]>(
    [3, fc.constant([])],
    [
      1,
      upTo(2, fc.tuple(oneOf('istio-system', 'default', 'shop', 'edge'), upTo(2, patch(contexts[side]), 1)), 1).map((list) =>
        list.map(([namespace, configPatches], index) =>
          object('networking.istio.io/v1alpha3', 'EnvoyFilter', `patches-${index}`, namespace, { configPatches }),
        ),
      ),
    ],
  );
