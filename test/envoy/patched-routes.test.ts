// What the compiler says that Envoy would refuse a patched route for, held to what the real Envoy refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, toBinary, type JsonObject } from '@bufbuild/protobuf';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.js';
import { headerProblems, hostProblems } from '../../src/compile/patch/route-problems.ts';
import { types } from '../../src/compile/patch/types.ts';
import { rejectedBy } from '../support/envoy-validate.ts';

const to = (more: JsonObject, route: JsonObject = {}): JsonObject => ({ route: { cluster: 'sds-grpc', ...more }, ...route });
const weighted = (...clusters: JsonObject[]): JsonObject => ({ route: { weighted_clusters: { clusters } } });
const header = (key: string): JsonObject[] => [{ header: { key, value: 'x' } }];
const regex = { pattern: { regex: 'a' }, substitution: 'b' };
const backOff = (base: string, max: string): JsonObject => ({
  retry_policy: { retry_on: '5xx', retry_back_off: { base_interval: base, max_interval: max } },
});
const upgrades = (...names: string[]): JsonObject => ({ upgrade_configs: names.map((name) => ({ upgrade_type: name })) });
const connecting = (name: string): JsonObject => ({ upgrade_configs: [{ upgrade_type: name, connect_config: {} }] });

const refused: Readonly<Record<string, JsonObject>> = {
  'two rewrites': to({ prefix_rewrite: '/x', regex_rewrite: regex }),
  'an upgrade twice': to(upgrades('websocket', 'WebSocket')),
  'a connect_config for another upgrade': to(connecting('websocket')),
  'a mirror to two': to({ request_mirror_policies: [{ cluster: 'sds-grpc', cluster_header: 'x' }] }),
  'a mirror to none': to({ request_mirror_policies: [{ trace_sampled: true }] }),
  'intervals the wrong way round': to(backOff('2s', '1s')),
  'a pseudo-header': to({}, { request_headers_to_add: header(':path') }),
  'the host': to({}, { response_headers_to_add: header('Host') }),
  'the host taken away': to({}, { request_headers_to_remove: ['Host'] }),
  'a pseudo-header taken away': to({}, { response_headers_to_remove: [':status'] }),
  'weights of nothing': weighted({ name: 'sds-grpc', weight: 0 }),
  'weights of too much': weighted({ name: 'sds-grpc', weight: 4e9 }, { name: 'sds-grpc', weight: 4e9 }),
  'a weight for two': weighted({ name: 'sds-grpc', cluster_header: 'x', weight: 1 }),
  'a weight for none': weighted({ weight: 1 }),
  'a pseudo-header of a weight': weighted({ name: 'sds-grpc', weight: 1, request_headers_to_add: header(':path') }),
};

const taken: Readonly<Record<string, JsonObject>> = {
  'one rewrite': to({ regex_rewrite: regex }),
  upgrades: to(upgrades('websocket', 'foo')),
  'a connect_config': to(connecting('CONNECT')),
  'a connect_config for datagrams': to(connecting('connect-udp')),
  mirrors: to({ request_mirror_policies: [{ cluster: 'sds-grpc' }, { cluster_header: 'x' }] }),
  'equal intervals': to(backOff('1s', '1s')),
  headers: to({}, { request_headers_to_add: header('hosts'), response_headers_to_remove: ['x-host'] }),
  weights: weighted({ name: 'sds-grpc', weight: 4e9 }, { cluster_header: 'x', weight: 0 }),
};

const tableOf = (route: JsonObject, more: JsonObject = {}): RouteConfiguration =>
  fromJson(
    RouteConfigurationSchema,
    { name: 't', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }], ...more },
    { registry: types },
  );

const said = (table: RouteConfiguration): string[] => [
  ...headerProblems(table, 'the table'),
  ...table.virtualHosts.flatMap(hostProblems),
];

const asked = (table: RouteConfiguration): Promise<string> =>
  rejectedBy({
    listeners: [],
    clusters: [],
    endpoints: [],
    secrets: [],
    diagnostics: [],
    routes: [{ name: 't', bytes: toBinary(RouteConfigurationSchema, table), version: '', causes: [] }],
  });

for (const [what, route] of Object.entries(refused)) {
  test(`refused: ${what}`, async () => {
    const table = tableOf(route);
    assert.equal(said(table).length, 1, said(table).join('; '));
    assert.notEqual(await asked(table), '');
  });
}

for (const [what, route] of Object.entries(taken)) {
  test(`taken: ${what}`, async () => {
    const table = tableOf(route);
    assert.deepEqual(said(table), []);
    assert.equal(await asked(table), '');
  });
}

test('refused: a header of the whole table, and of its virtual host', async () => {
  const whole = tableOf(to({}), { request_headers_to_remove: ['host'] });
  const host = tableOf(to({}));
  host.virtualHosts[0]?.responseHeadersToRemove.push(':status');
  for (const table of [whole, host]) {
    assert.equal(said(table).length, 1);
    assert.notEqual(await asked(table), '');
  }
});
