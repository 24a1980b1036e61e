// What MERGE does to each kind of field.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { create, fromJson, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { MetadataSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { RouteSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { RouterSchema } from '../../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { merge, mergeAny, type Lists } from './merge.ts';
import { types } from './types.ts';

const registry = types;

function merged(schema: DescMessage, into: JsonValue, from: JsonValue, lists: Lists = 'append'): JsonValue {
  const message = fromJson(schema, into, { registry });
  const patch = fromJson(schema, from, { registry });
  const before = toJson(schema, patch, { registry });
  merge(schema, message, patch, lists);
  assert.deepEqual(toJson(schema, patch, { registry }), before, 'the patch itself has changed');
  return toJson(schema, message, { registry });
}

test('scalars are replaced, messages merged, what the patch does not say stays', () => {
  const into = { name: 'a', dnsRefreshRate: '5s', edsClusterConfig: { serviceName: 'x', edsConfig: { ads: {} } } };
  assert.deepEqual(merged(ClusterSchema, into, { name: 'b', edsClusterConfig: { serviceName: 'y' } }), {
    ...into,
    name: 'b',
    edsClusterConfig: { serviceName: 'y', edsConfig: { ads: {} } },
  });
});

test('a duration is replaced as a whole', () => {
  assert.deepEqual(merged(ClusterSchema, { connectTimeout: '10.5s' }, { connect_timeout: '2s' }), { connectTimeout: '2s' });
});

test('lists are appended, or replaced where that is asked', () => {
  const [into, from] = [{ filters: [{ name: 'a' }] }, { filters: [{ name: 'b' }] }];
  assert.deepEqual(merged(ClusterSchema, into, from), { filters: [{ name: 'a' }, { name: 'b' }] });
  assert.deepEqual(merged(ClusterSchema, into, from, 'replace'), { filters: [{ name: 'b' }] });
});

test('entries of maps are replaced, others stay; so are those of structs', () => {
  const into = { filterMetadata: { a: { one: 1 }, b: { two: 2 } } };
  assert.deepEqual(merged(MetadataSchema, into, { filterMetadata: { b: { three: 3 } } }), {
    filterMetadata: { a: { one: 1 }, b: { three: 3 } },
  });
});

test('a wrapped false is a value', () => {
  assert.deepEqual(merged(HttpConnectionManagerSchema, { useRemoteAddress: true }, { use_remote_address: false }), {
    useRemoteAddress: false,
  });
});

test('of alternatives the patch has the word; one that both chose is merged', () => {
  assert.deepEqual(merged(RouteSchema, { route: { cluster: 'a', timeout: '1s' } }, { route: { timeout: '2s' } }), {
    route: { cluster: 'a', timeout: '2s' },
  });
  assert.deepEqual(merged(RouteSchema, { route: { cluster: 'a' } }, { direct_response: { status: 204 } }), {
    directResponse: { status: 204 },
  });
});

test('an Any is merged as what it holds, if both hold the same', () => {
  const dynamic = (dynamicStats: boolean) => anyPack(RouterSchema, create(RouterSchema, { dynamicStats }));
  const suppress = anyPack(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true }));
  const both = mergeAny(dynamic(true), suppress, 'append');
  assert.ok(typeof both !== 'string');
  assert.deepEqual(
    both.value,
    anyPack(RouterSchema, create(RouterSchema, { dynamicStats: true, suppressEnvoyHeaders: true })).value,
  );
  assert.equal(
    mergeAny(dynamic(true), anyPack(RouteSchema, create(RouteSchema)), 'append'),
    'envoy.config.route.v3.Route cannot be merged into envoy.extensions.filters.http.router.v3.Router',
  );
});
