import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { any, listening, manager, origin, rowsOf, shownOf, socket, tcp } from '../../../test/support/envoy-dump.ts';
import type { Choice } from './configuration.ts';

describe('the table of listeners', () => {
  const chain = (match: JsonValue, more: Readonly<Record<string, JsonValue>> = {}): JsonValue => ({
    filter_chain_match: match,
    filters: [tcp({ cluster: 'c' })],
    ...more,
  });
  const ends = (mutual: boolean): Readonly<Record<string, JsonValue>> => ({
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', { require_client_certificate: mutual }),
    },
  });

  const cases: readonly (readonly [words: string, chain: JsonValue])[] = [
    ['plaintext HTTP', chain({ transport_protocol: 'raw_buffer', application_protocols: ['http/1.1', 'h2c'] })],
    ['HTTP', chain({ application_protocols: ['http/1.0', 'http/1.1', 'h2c'] })],
    ['plaintext', chain({ transport_protocol: 'raw_buffer' })],
    [
      'mTLS HTTP',
      chain({ transport_protocol: 'tls', application_protocols: ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'] }, ends(true)),
    ],
    ['mTLS TCP', chain({ transport_protocol: 'tls', application_protocols: ['istio-peer-exchange', 'istio'] }, ends(true))],
    ['mTLS', chain({ transport_protocol: 'tls', application_protocols: ['istio', 'istio-h2'] }, ends(true))],
    ['TLS', chain({ transport_protocol: 'tls' }, ends(false))],
    ['TLS passed on', chain({ transport_protocol: 'tls' })],
    ['TLS ALPN mysql', chain({ transport_protocol: 'tls', application_protocols: ['mysql'] }, ends(false))],
    [
      'SNI a.example, *.b.example, TLS passed on',
      chain({ transport_protocol: 'tls', server_names: ['a.example', '*.b.example'] }),
    ],
    ['SNI a.example, mTLS', chain({ server_names: ['a.example'] }, ends(true))],
    ['from 10.0.0.0/8', chain({ source_prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] })],
    ['from this host', chain({ source_type: 'SAME_IP_OR_LOOPBACK' })],
    ['from port 99', chain({ source_ports: [99] })],
    ['anything', chain({})],
  ];
  for (const [words, of] of cases)
    it(`says ${words}`, async () => {
      const shown = await shownOf(listening({ name: 'l', address: socket('0.0.0.0', 80), filter_chains: [of] }));
      assert.deepEqual(rowsOf(shown, 'listeners'), [['0.0.0.0', '80', words, 'c', 'l', '-']]);
    });

  const inbound = listening({
    name: 'virtualInbound',
    traffic_direction: 'INBOUND',
    address: socket('0.0.0.0', 15_006),
    listener_filters: [
      {
        name: 'envoy.filters.listener.original_dst',
        typed_config: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}),
      },
    ],
    filter_chains: [
      chain({ destination_port: 15_006 }),
      chain({ transport_protocol: 'raw_buffer' }),
      chain({ destination_port: 9080, transport_protocol: 'raw_buffer' }, { metadata: origin('Service/default/reviews') }),
    ],
    default_filter_chain: {
      filters: [
        tcp({
          weighted_clusters: {
            clusters: [
              { name: 'a', weight: 1 },
              { name: 'b', weight: 3 },
            ],
          },
        }),
      ],
    },
  });

  it('has the port that was dialled, the workload’s own ports first, and where each came from', async () => {
    assert.deepEqual(rowsOf(await shownOf(inbound), 'listeners'), [
      ['0.0.0.0', '9080', 'plaintext', 'c', 'virtualInbound', 'Service/default/reviews'],
      ['0.0.0.0', 'any', 'plaintext', 'c', 'virtualInbound', '-'],
      ['0.0.0.0', 'any', 'anything else', 'a 25 %, b 75 %', 'virtualInbound', '-'],
      ['0.0.0.0', '15006', 'anything', 'c', 'virtualInbound', '-'],
    ]);
  });

  it('is filtered by what istioctl’s users type', async () => {
    const shown = await shownOf(inbound);
    const count = (filters: Choice['filters']): number =>
      filters === undefined ? 0 : rowsOf(shown, 'listeners', { filters }).length;
    assert.deepEqual(
      [
        { port: '9080' },
        { port: '15006' },
        { type: 'tcp' },
        { type: 'HTTP' },
        { direction: 'inbound' },
        { address: '0.0.0.0' },
        { name: 'Inb' },
      ].map(count),
      [1, 4, 4, 0, 4, 4, 4],
    );
  });

  it('tells addresses of ranges, and tables of HTTP', async () => {
    const range = {
      prefix_ranges: [
        { address_prefix: '10.96.0.0', prefix_len: 16 },
        { address_prefix: '10.1.0.1', prefix_len: 32 },
      ],
    };
    const shown = await shownOf(
      listening({
        name: 'l',
        address: socket('0.0.0.0', 80),
        additional_addresses: [{ address: socket('::', 80) }],
        filter_chains: [
          { filter_chain_match: range, filters: [manager({ rds: { route_config_name: '80' } })] },
          { filters: [manager({ route_config: { name: 'inline' } })] },
        ],
      }),
    );
    assert.deepEqual(
      rowsOf(shown, 'listeners').map((row) => [row[0], row[3]]),
      [
        ['10.96.0.0/16, 10.1.0.1', 'route table 80'],
        ['0.0.0.0, ::', 'route table inline'],
      ],
    );
  });
});
