// What the real Envoy makes of such trees is in test/envoy/explain-matchers.test.ts; here is what is said of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { MatcherSchema } from '../../../gen/xds/type/matcher/v3/matcher_pb.js';
import { everyWay } from '../chance.ts';
import { nowhere } from '../origins.ts';
import { passageOf } from '../passage.ts';
import { interpreted } from '../typed-config.ts';
import type { Decision } from './decision.ts';
import { decide } from './tree.ts';

const type = (name: string): string => `type.googleapis.com/${name}`;
const input = (kind: string) => ({
  name: kind,
  typed_config: { '@type': type(`envoy.extensions.matching.common_inputs.network.v3.${kind}`) },
});
const go = (chain: string) => ({
  action: { name: 'go', typed_config: { '@type': type('google.protobuf.StringValue'), value: chain } },
});

function decided(tree: JsonValue, address = '10.96.0.7', port = 9080): Decision[] {
  const configuration = {
    listeners: [],
    route: () => undefined,
    cluster: () => undefined,
    endpoints: () => undefined,
    clusterNames: () => [],
    routeNames: () => [],
    missing: [],
  };
  const request = { kind: 'tcp', entry: 'inbound', destination: { address, port }, source: { address: '10.0.0.9' } } as const;
  const matcher = fromJson(MatcherSchema, tree, { registry: interpreted });
  return everyWay((chance) =>
    decide(matcher, { passage: passageOf(configuration, request, nowhere, chance), headers: undefined }),
  ).map(({ result }) => result);
}

const waypoint = {
  matcher_tree: {
    input: input('DestinationIPInput'),
    custom_match: {
      name: 'ip',
      typed_config: {
        '@type': type('xds.type.matcher.v3.IPMatcher'),
        range_matchers: [
          {
            ranges: [{ address_prefix: '10.96.0.7', prefix_len: 32 }],
            on_match: {
              matcher: {
                matcher_tree: { input: input('DestinationPortInput'), exact_match_map: { map: { '9080': go('reviews') } } },
              },
            },
          },
        ],
      },
    },
  },
};

test('an action says what led to it', () => {
  const [decision] = decided(waypoint);
  assert.equal(decision?.kind, 'action');
  assert.deepEqual(decision?.kind === 'action' && decision.because, ['address in 10.96.0.7/32', 'port 9080']);
});

test('without an action it is said where the way ended', () => {
  assert.deepEqual(decided(waypoint, '10.96.0.7', 80), [{ kind: 'none', failed: ['port 9080 is asked for, and there is 80'] }]);
  assert.deepEqual(decided(waypoint, '10.96.0.8'), [
    { kind: 'none', failed: ['address in 10.96.0.7/32 is asked for, and there is 10.96.0.8'] },
  ]);
});

const unread = { name: 'cel', typed_config: { '@type': type('google.protobuf.Struct'), value: {} } };
const list = (predicate: JsonValue): JsonValue => ({ matcher_list: { matchers: [{ predicate, on_match: go('x') }] } });

test('what cannot be decided is open, unless the rest decides', () => {
  const open = { single_predicate: { input: unread, value_match: { exact: 'a' } } };
  const no = { single_predicate: { input: input('DestinationPortInput'), value_match: { exact: '1' } } };
  assert.deepEqual(decided(list(open)), [{ kind: 'open', why: 'it looks at cel, which is not read here' }]);
  assert.equal(decided(list({ and_matcher: { predicate: [open, no] } }))[0]?.kind, 'none');
  assert.equal(decided(list({ or_matcher: { predicate: [open, { not_matcher: no }] } }))[0]?.kind, 'action');
});

test('a share of connections goes either way', () => {
  const share = {
    name: 'share',
    typed_config: {
      '@type': type('envoy.extensions.matching.input_matchers.runtime_fraction.v3.RuntimeFraction'),
      runtime_fraction: { default_value: { numerator: 30 } },
    },
  };
  const ways = decided(list({ single_predicate: { input: input('DestinationPortInput'), custom_match: share } }));
  assert.deepEqual(
    ways.map(({ kind }) => kind),
    ['none', 'action'],
  );
});
