import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '../../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { originOf } from '../../api/object.ts';
import { compileProxy } from '../../compile/compile.ts';
import { parseNode } from '../../compile/node.ts';
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
const empty = { ...none, listeners: [] };

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
    const lines = partText('routes', { ...empty, routes: [table] })
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
      partText('clusters', {
        ...empty,
        clusters: [
          { name: 'outbound|9080|v1|reviews.default.svc.cluster.local', type: 'EDS' },
          { name: 'outbound|9080||missing.default.svc.cluster.local', type: 'STATIC' },
          { name: 'outbound|9080||unknown.default.svc.cluster.local', type: 'ORIGINAL_DST', altStatName: 'PassthroughCluster' },
          { name: 'BlackHoleCluster' },
        ],
      })
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {3,}/)),
      [
        ['reviews.default.svc.cluster.local', '9080', 'v1', 'outbound', 'EDS', '-'],
        ['missing.default.svc.cluster.local', '9080', '-', 'outbound', 'no such service', '-'],
        ['unknown.default.svc.cluster.local', '9080', '-', 'outbound', 'no such service', '-'],
        ['BlackHoleCluster', '-', '-', '-', 'STATIC', '-'],
      ],
    );
    const endpoint = { endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 80 } } } };
    assert.match(
      partText('endpoints', { ...empty, endpoints: [{ clusterName: 'c', endpoints: [{ lbEndpoints: [endpoint] }] }] }),
      /10\.0\.0\.1:80 +HEALTHY/,
    );
  });
});

describe('tables of a proxy on demand', () => {
  const ports = [
    { name: 'http', port: 80 },
    { name: 'tcp', port: 5000 },
    { name: 'detected', port: 7000 },
  ];
  const { object } = decode(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop', namespace: 'default' },
      spec: { clusterIP: '10.96.0.1', ports },
    },
    originOf('test'),
  );
  assert.ok(object);
  const node = parseNode({ id: 'sidecar~10.1.0.9~web.default~default.svc.cluster.local', metadata: {} });
  assert.ok(typeof node !== 'string');
  const made = (delivery: 'eager' | 'demand') =>
    resourcesJson(compileProxy({ objects: [object], meshConfig: meshConfigDefaults(), node, delivery }));

  it('say where a service is found when it is called', async () => {
    const configuration = await made('demand');
    const rows = (part: 'listeners' | 'routes') =>
      partText(part, configuration)
        .split('\n')
        .map((line) => line.split(/ {3,}/));
    assert.ok(rows('routes').some(([match, target]) => match === '/* host of a service' && target === 'that service, on demand'));
    for (const port of [5000, 7000]) {
      const shown = rows('listeners').filter(([name]) => name === `0.0.0.0_${port}`);
      assert.ok(shown.some((row) => row[2] === '10.96.0.0/16' && row[3] === 'the service at that address, on demand'));
    }
    assert.match(configurationText(configuration), /\n\nOn demand: clusters that are not here come when they are called\./);
  });

  it('have no such word where everything is there', async () => {
    assert.doesNotMatch(configurationText(await made('eager')), /on demand/i);
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
