import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { any, dumped, now, rowsOf, shownOf, socket } from '../../../test/support/envoy-dump.ts';
import { nowhere } from '../../explain/origins.ts';
import { idleFilters, keptResources, type Choice } from './configuration.ts';

describe('the tables of clusters and endpoints', () => {
  const tls = (more: Readonly<Record<string, JsonValue>>): JsonValue => ({
    name: 'tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', more),
  });
  const mutual = tls({
    common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'default' }] },
    sni: 'outbound_.9080_.v1_.reviews.default.svc.cluster.local',
  });
  const plain = { name: 'raw', typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}) };
  const headed = {
    name: 'proxy',
    typed_config: any('envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
      transport_socket: tls({ sni: 'db.example' }),
    }),
  };
  const cluster = (name: string, more: Readonly<Record<string, JsonValue>>): JsonValue => ({
    cluster: any('envoy.config.cluster.v3.Cluster', { name, ...more }),
  });
  const reviews = 'outbound|9080|v1|reviews.default.svc.cluster.local';
  const sections = {
    dynamic_active_clusters: [
      cluster(reviews, {
        type: 'EDS',
        metadata: {
          filter_metadata: {
            lateen: { source: 'Service/default/reviews', policy: 'DestinationRule/default/reviews#spec.subsets[0]' },
          },
        },
        transport_socket_matches: [
          { name: 'm', match: { tlsMode: 'istio' }, transport_socket: mutual },
          { name: 'p', match: {}, transport_socket: plain },
        ],
      }),
      cluster('outbound|443||db.example', { type: 'STRICT_DNS', transport_socket: headed }),
      cluster('outbound|9080||missing.default.svc.cluster.local', { type: 'STATIC' }),
      cluster('outbound|9080||unknown.default.svc.cluster.local', { type: 'ORIGINAL_DST', alt_stat_name: 'PassthroughCluster' }),
      cluster('outbound_.80_._.away.default.svc.cluster.local', { type: 'EDS', transport_socket: mutual }),
      cluster('inbound|9080||', { type: 'ORIGINAL_DST' }),
      cluster('BlackHoleCluster', { type: 'STATIC' }),
    ],
    dynamic_endpoint_configs: [
      {
        endpoint_config: any('envoy.config.endpoint.v3.ClusterLoadAssignment', {
          cluster_name: reviews,
          endpoints: [
            {
              locality: { region: 'eu', zone: 'a' },
              priority: 1,
              lb_endpoints: [
                {
                  endpoint: { address: socket('10.0.0.1', 9080) },
                  load_balancing_weight: 3,
                  metadata: { filter_metadata: { istio: { workload: 'reviews-v1;default;reviews;v1;Kubernetes' } } },
                },
                { endpoint: { address: socket('fd00::1', 9080) }, health_status: 'UNHEALTHY' },
              ],
            },
          ],
        }),
      },
    ],
  };

  it('tell a service, how it is found, with which TLS it is called, and the objects behind it', async () => {
    assert.deepEqual(rowsOf(await shownOf(sections), 'clusters'), [
      ['BlackHoleCluster', '-', '-', '-', 'STATIC', '-', '-'],
      ['-', '9080', '-', 'inbound', 'ORIGINAL_DST', '-', '-'],
      ['away.default.svc.cluster.local', '80', '-', 'outbound', 'EDS', 'mTLS', '-'],
      ['db.example', '443', '-', 'outbound', 'STRICT_DNS', 'PROXY header, then TLS for db.example', '-'],
      ['missing.default.svc.cluster.local', '9080', '-', 'outbound', 'no such service', '-', '-'],
      [
        'reviews.default.svc.cluster.local',
        '9080',
        'v1',
        'outbound',
        'EDS',
        'mTLS, where the server has it',
        'DestinationRule/default/reviews spec.subsets[0], Service/default/reviews',
      ],
      ['unknown.default.svc.cluster.local', '9080', '-', 'outbound', 'no such service', '-', '-'],
    ]);
  });

  it('tell each server with its health, place and priority', async () => {
    const shown = await shownOf(sections);
    const rows = rowsOf(shown, 'endpoints');
    assert.deepEqual(rows, [
      ['10.0.0.1:9080', 'HEALTHY', 'eu/a', '1', '3', 'reviews.default:9080 v1', 'reviews-v1.default'],
      ['[fd00::1]:9080', 'UNHEALTHY', 'eu/a', '1', '-', 'reviews.default:9080 v1', '-'],
    ]);
    for (const filters of [{ status: 'unhealthy' }, { address: 'fd00::1' }])
      assert.deepEqual(rowsOf(shown, 'endpoints', { filters }), [rows[1]]);
    for (const filters of [{ cluster: reviews }, { port: '9080' }, { fqdn: 'reviews.default' }, { subset: 'v1' }])
      assert.equal(rowsOf(shown, 'endpoints', { filters }).length, 2);
  });

  it('are filtered in JSON as in tables, and filters that mean nothing are told', async () => {
    const dump = await dumped(sections);
    const shown = dump.shown(nowhere, now);
    const named = (choice: Choice) =>
      Object.entries(keptResources(dump.json, shown, choice)).map(([part, list]) => [
        part,
        list.map(
          (each) => (each as { name?: string; clusterName?: string }).name ?? (each as { clusterName: string }).clusterName,
        ),
      ]);
    assert.deepEqual(named({ part: 'clusters', filters: { fqdn: 'db', port: '443' } }), [
      ['clusters', ['outbound|443||db.example']],
    ]);
    assert.deepEqual(named({ filters: { subset: 'v1' } }), [
      ['clusters', [reviews]],
      ['endpoints', [reviews]],
    ]);
    assert.equal(keptResources(dump.json, shown, {}), dump.json);
    assert.deepEqual(idleFilters({ part: 'routes', filters: { subset: 'v1', fqdn: 'a' } }), ['subset']);
    assert.deepEqual(idleFilters({ filters: { subset: 'v1', fqdn: 'a' } }), []);
  });
});
