// The Envoys that the data path benchmark compares with: a static pair that only forwards HTTP, in plaintext and by mutual TLS.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuthority } from '../../src/ca/authority.ts';
import { issueServer } from '../../src/ca/issue.ts';
import { isRefusal } from '../../src/ca/refusal.ts';

export const plainPort = 9000;
export const tlsPort = 9443;

export type Tls = Readonly<Record<string, object>>;

/** One P-256 certificate for both sides, and its root to check it by, as Envoy's `common_tls_context`. */
export async function mutualTls(): Promise<Tls> {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-bench-'));
  try {
    const authority = await openAuthority(folder, { trustDomain: 'bench.local' });
    const issued = await issueServer(authority);
    if (isRefusal(issued)) throw new Error(issued.message);
    return {
      common_tls_context: {
        tls_certificates: [
          { certificate_chain: { inline_string: issued.chain.join('') }, private_key: { inline_string: issued.key.reveal() } },
        ],
        validation_context: { trusted_ca: { inline_string: issued.bundle.pem } },
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Takes requests beside the caller and forwards them to the server's Envoy. */
export const callerEnvoy = (server: string, tls: Tls): object =>
  envoy(
    [listener('plain', '127.0.0.1', plainPort), listener('tls', '127.0.0.1', tlsPort)],
    [
      cluster('plain', server, plainPort),
      { ...cluster('tls', server, tlsPort), transport_socket: tlsSocket('UpstreamTlsContext', tls) },
    ],
  );

/** Takes requests from the caller's Envoy and forwards them to the program beside it. */
export const serverEnvoy = (programPort: number, tls: Tls): object =>
  envoy(
    [
      listener('plain', '0.0.0.0', plainPort),
      listener('tls', '0.0.0.0', tlsPort, tlsSocket('DownstreamTlsContext', { ...tls, ...certificateRequired })),
    ],
    [cluster('plain', '127.0.0.1', programPort), cluster('tls', '127.0.0.1', programPort)],
  );

const certificateRequired = { require_client_certificate: true };

const envoy = (listeners: readonly object[], clusters: readonly object[]): object => ({
  static_resources: { listeners, clusters },
});

const typed = (type: string, message: object): object => ({
  '@type': `type.googleapis.com/envoy.extensions.${type}`,
  ...message,
});

const socketAddress = (address: string, port: number): object => ({ socket_address: { address, port_value: port } });

/** A listener whose requests all go to the cluster of its name. */
function listener(name: string, address: string, port: number, transportSocket?: object): object {
  const router = { name: 'envoy.filters.http.router', typed_config: typed('filters.http.router.v3.Router', {}) };
  const routes = [{ match: { prefix: '/' }, route: { cluster: name } }];
  const connectionManager = typed('filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    route_config: { virtual_hosts: [{ name, domains: ['*'], routes }] },
    http_filters: [router],
  });
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager }];
  return {
    name,
    address: socketAddress(address, port),
    filter_chains: [{ filters, ...(transportSocket && { transport_socket: transportSocket }) }],
  };
}

const tlsSocket = (context: 'UpstreamTlsContext' | 'DownstreamTlsContext', fields: object): object => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: typed(`transport_sockets.tls.v3.${context}`, fields),
});

const cluster = (name: string, address: string, port: number): object => ({
  name,
  connect_timeout: '5s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(address, port) } }] }],
  },
});
