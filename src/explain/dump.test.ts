import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpedConfiguration } from './dump.ts';
import { explain } from './explain.ts';
import type { ProxyConfiguration } from './configuration.ts';
import type { HttpRequest } from './request.ts';

const listener = {
  '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
  name: 'front',
  address: { socket_address: { address: '0.0.0.0', port_value: 8080 } },
  a_field_of_tomorrow: 1,
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            rds: { route_config_name: 'http' },
            http_filters: [
              {
                name: 'mystery',
                typed_config: {
                  '@type': 'type.googleapis.com/example.Mystery',
                  value: { deep: [{ '@type': 'type.googleapis.com/example.Other' }] },
                },
              },
              {
                name: 'envoy.filters.http.router',
                typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
              },
            ],
          },
        },
      ],
    },
  ],
};
const routes = {
  '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  name: 'http',
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'app' } }] }],
};
const cluster = {
  '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  name: 'app',
  type: 'STATIC',
  load_assignment: {
    cluster_name: 'app',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: 80 } } } }] }],
  },
};
const dump = JSON.stringify({
  configs: [
    { '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump', static_clusters: [{ cluster }] },
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.ListenersConfigDump',
      dynamic_listeners: [{ name: 'front', active_state: { listener } }],
    },
    { '@type': 'type.googleapis.com/envoy.admin.v3.RoutesConfigDump', dynamic_route_configs: [{ route_config: routes }] },
  ],
});

const request: HttpRequest = {
  kind: 'http',
  entry: { port: 8080 },
  destination: { address: '10.0.0.9', port: 8080 },
  source: { address: '10.0.0.8' },
  version: 'HTTP/1.1',
  method: 'GET',
  authority: 'example.com',
  path: '/',
  headers: [],
};

function read(text: string): ProxyConfiguration {
  const configuration = dumpedConfiguration(text);
  if (typeof configuration === 'string') assert.fail(configuration);
  return configuration;
}

test('a dump is explained through filters and fields that are not known here, which it says', () => {
  const { outcome, missing } = explain(read(dump), request);
  assert.equal(outcome.kind === 'forwarded' && outcome.targets[0]?.destination?.groups[0]?.endpoints[0]?.address, '10.0.0.1');
  assert.ok(
    missing.some((each) => each.includes('mystery (example.Mystery)')),
    missing.join('\n'),
  );
});

test('of a dump that is cut short what is whole is read, wherever it ends', () => {
  for (let length = 0; length < dump.length; length += 7) {
    const configuration = dumpedConfiguration(dump.slice(0, length));
    if (typeof configuration === 'string') continue;
    assert.ok(configuration.missing.some((each) => each.includes('cut short')));
    explain(configuration, request);
  }
  const { outcome, missing } = explain(read(dump.slice(0, dump.indexOf('RoutesConfigDump'))), request);
  assert.equal(outcome.kind, 'unknown');
  assert.ok(missing.includes('Route table http is not in the configuration at hand.'));
});

test('a resource that is not one is left out, and said', () => {
  const { missing, clusterNames } = read(dump.replace('"type":"STATIC"', '"type":{"not":"a type"}'));
  assert.deepEqual(clusterNames(), []);
  assert.ok(
    missing.some(
      (each) =>
        each.startsWith('envoy.config.cluster.v3.Cluster app cannot be read') || each.startsWith('Cluster app cannot be read'),
    ),
    missing.join('\n'),
  );
});

const refusal = (text: string): string => {
  const read = dumpedConfiguration(text);
  return typeof read === 'string' ? read : 'it was read';
};

test('what is no dump is refused in words', () => {
  assert.match(refusal('hello'), /neither JSON nor YAML/);
  assert.match(refusal('{}'), /no "configs"/);
  assert.match(refusal('{"configs": [{}]}'), /no listeners/);
});
