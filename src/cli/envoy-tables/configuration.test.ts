import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '../../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Resource } from '../../compile/resource.ts';
import { resourcesJson } from '../../control/resource-json.ts';
import { readConfigDump } from './config-dump.ts';
import { configurationText, partText } from './configuration.ts';

function listener(name: string, port: number): Resource {
  const router = {
    name: 'envoy.filters.http.router',
    configType: { case: 'typedConfig' as const, value: anyPack(RouterSchema, create(RouterSchema)) },
  };
  const http = create(HttpConnectionManagerSchema, {
    statPrefix: 's',
    routeSpecifier: { case: 'rds', value: { routeConfigName: '9080' } },
    httpFilters: [router],
  });
  const message = create(ListenerSchema, {
    name,
    address: {
      address: { case: 'socketAddress', value: { address: '0.0.0.0', portSpecifier: { case: 'portValue', value: port } } },
    },
    filterChains: [
      {
        filterChainMatch: { applicationProtocols: ['h2c'], transportProtocol: 'raw_buffer' },
        filters: [{ name: 'http', configType: { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, http) } }],
      },
    ],
  });
  return { name, version: 'v', bytes: toBinary(ListenerSchema, message), causes: [] };
}

const none = { routes: [], clusters: [], endpoints: [], secrets: [] };

describe('resourcesJson', () => {
  it('opens every Any, however deep, and sorts by name', async () => {
    const { listeners } = await resourcesJson({ ...none, listeners: [listener('b', 2), listener('a', 1)] });
    const text = JSON.stringify(listeners);
    assert.match(text, /"@type":"type\.googleapis\.com\/envoy\.extensions\.filters\.http\.router\.v3\.Router"/);
    assert.deepEqual(
      listeners.map((each) => (each as { name: string }).name),
      ['a', 'b'],
    );
  });
});

describe('tables', () => {
  it('show where listeners send traffic', async () => {
    const json = await resourcesJson({ ...none, listeners: [listener('0.0.0.0_9080', 9080)] });
    assert.equal(
      configurationText(json),
      `LISTENER       ADDRESS        MATCH            DESTINATION
0.0.0.0_9080   0.0.0.0:9080   raw_buffer h2c   route 9080`,
    );
  });

  it('show routes with what they match first', () => {
    const table = {
      name: '9080',
      virtualHosts: [
        {
          name: 'reviews.default.svc.cluster.local:9080',
          domains: ['reviews', 'reviews.default', 'reviews.default.svc'],
          routes: [
            {
              match: { prefix: '/api', headers: [{ name: 'end-user', stringMatch: { exact: 'jason' } }] },
              route: { cluster: 'outbound|9080|v2|reviews', timeout: '3s' },
            },
            { match: { path: '/old' }, redirect: { pathRedirect: '/new' } },
            {
              match: { safeRegex: { regex: '.*' } },
              route: {
                weightedClusters: {
                  clusters: [
                    { name: 'a', weight: 1 },
                    { name: 'b', weight: 9 },
                  ],
                },
                timeout: '0s',
              },
            },
            { match: { prefix: '/' }, directResponse: { status: 503 } },
          ],
        },
      ],
    };
    const lines = partText('routes', [table])
      .split('\n')
      .map((line) => line.split(/ {3,}/).slice(0, 2));
    assert.deepEqual(lines, [
      ['MATCH', 'TARGET'],
      ['/api* end-user=jason', 'outbound|9080|v2|reviews; timeout 3s'],
      ['=/old', 'redirect /new'],
      ['~.*', 'a (1), b (9)'],
      ['/*', 'answer 503'],
    ]);
  });

  it('show clusters by service, and endpoints', () => {
    assert.deepEqual(
      partText('clusters', [
        { name: 'outbound|9080|v1|reviews.default.svc.cluster.local', type: 'EDS' },
        { name: 'BlackHoleCluster' },
      ])
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {3,}/)),
      [
        ['reviews.default.svc.cluster.local', '9080', 'v1', 'outbound', 'EDS', '-'],
        ['BlackHoleCluster', '-', '-', '-', 'STATIC', '-'],
      ],
    );
    const endpoint = { endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 80 } } } };
    assert.match(
      partText('endpoints', [{ clusterName: 'c', endpoints: [{ lbEndpoints: [endpoint] }] }]),
      /10\.0\.0\.1:80 +HEALTHY/,
    );
  });
});

describe('readConfigDump', () => {
  it('turns what Envoy writes into the printed form, and keeps what nobody knows', async () => {
    const dump = {
      configs: [
        {
          '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump',
          static_clusters: [
            { cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a', connect_timeout: '1s' } },
          ],
          dynamic_active_clusters: [
            {
              cluster: {
                '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
                name: 'b',
                transport_socket: { name: 't', typed_config: { '@type': 'type.googleapis.com/some.Unknown' } },
              },
            },
          ],
        },
      ],
    };
    const { clusters } = await readConfigDump(JSON.stringify(dump));
    assert.deepEqual(clusters[1], { name: 'a', connectTimeout: '1s' });
    assert.equal((clusters[0] as { name: string }).name, 'b');
  });
});
