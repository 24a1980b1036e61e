// A client that speaks HTTP/3: another Envoy, since Node has none.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startStaticEnvoy } from './xds/real-envoy.ts';

/** Another Envoy, which turns what it is asked in HTTP/1 into HTTP/3 to a port of this machine. */
export async function http3Client(port: number, servername: string, ca: string) {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-http3-'));
  const own = await freePort();
  const extension = (name: string, type: string, fields: object = {}) => ({
    name,
    typed_config: { '@type': `type.googleapis.com/${type}`, ...fields },
  });
  const address = (number: number, protocol = 'TCP') => ({
    socket_address: { address: '127.0.0.1', port_value: number, protocol },
  });
  const envoy = await startStaticEnvoy(folder, {
    clusters: [
      {
        name: 'quic',
        type: 'STATIC',
        connect_timeout: '5s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http3_protocol_options: {} },
          },
        },
        transport_socket: extension(
          'envoy.transport_sockets.quic',
          'envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport',
          {
            upstream_tls_context: {
              sni: servername,
              common_tls_context: {
                validation_context: {
                  trusted_ca: { inline_string: ca },
                  match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: servername } }],
                },
              },
            },
          },
        ),
        load_assignment: {
          cluster_name: 'quic',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port, 'UDP') } }] }],
        },
      },
    ],
    listeners: [
      {
        name: 'own',
        address: address(own),
        filter_chains: [
          {
            filters: [
              extension(
                'envoy.filters.network.http_connection_manager',
                'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                {
                  stat_prefix: 'own',
                  route_config: {
                    virtual_hosts: [
                      { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'quic' } }] },
                    ],
                  },
                  http_filters: [extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router')],
                },
              ),
            ],
          },
        ],
      },
    ],
  });
  return {
    port: own,
    stat: (name: string) => envoy.stat(name),
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
