// The rules of fields: what Envoy would refuse is found, however deep, and what it takes is not.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { brokenRules } from './rules.ts';
import { types } from './types.ts';

const broken = (schema: DescMessage, json: JsonValue) => brokenRules(schema, fromJson(schema, json, { registry: types }));

test('texts, durations, numbers and lists have bounds', () => {
  assert.deepEqual(broken(ClusterSchema, { name: '', connectTimeout: '0s' }), [
    'Cluster.name is too short',
    'Cluster.connect_timeout is out of range',
  ]);
  assert.deepEqual(broken(ClusterSchema, { name: 'a', connectTimeout: '1s', ringHashLbConfig: { minimumRingSize: '9000000' } }), [
    'Cluster.ring_hash_lb_config.minimum_ring_size is out of range',
  ]);
  assert.deepEqual(broken(RouteConfigurationSchema, { virtualHosts: [{ name: 'a' }] }), [
    'RouteConfiguration.virtual_hosts[0].domains has too few items',
  ]);
});

test('what must be there is missed, also of alternatives', () => {
  const table = { virtualHosts: [{ name: 'a', domains: ['*'], routes: [{ match: {}, redirect: {} }, { redirect: {} }] }] };
  const [first = '', second] = broken(RouteConfigurationSchema, table);
  assert.match(first, /^RouteConfiguration\.virtual_hosts\[0\]\.routes\[0\]\.match has none of prefix, path/);
  assert.equal(second, 'RouteConfiguration.virtual_hosts[0].routes[1].match is missing');
});

test('typed configuration is looked into, and expressions are compiled', () => {
  const filter = (name: string, config: Record<string, JsonValue>) => ({
    name,
    typedConfig: { '@type': `type.googleapis.com/envoy.extensions.filters.network.${name}`, ...config },
  });
  const found = broken(ListenerSchema, {
    filterChains: [{ filters: [filter('connection_limit.v3.ConnectionLimit', { statPrefix: '', maxConnections: '0' })] }],
  });
  assert.deepEqual(found, [
    'Listener.filter_chains[0].filters[0].typed_config.stat_prefix is too short',
    'Listener.filter_chains[0].filters[0].typed_config.max_connections is out of range',
  ]);
  const routes = [{ match: { safeRegex: { regex: 'a(' } }, redirect: {} }];
  assert.deepEqual(broken(RouteConfigurationSchema, { virtualHosts: [{ name: 'a', domains: ['*'], routes }] }).length, 1);
});

test('what is right breaks nothing', () => {
  assert.deepEqual(broken(ClusterSchema, { name: 'a', connectTimeout: '1s', type: 'STATIC', dnsRefreshRate: '5s' }), []);
});
