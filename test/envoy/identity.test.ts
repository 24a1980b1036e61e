// Stock Envoy takes its certificate and roots from the host's SDS, and a renewal under use costs no connection.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { openAuthority, type Authority } from '../../src/ca/authority.ts';
import { issueWorkload } from '../../src/ca/issue.ts';
import { isRefusal } from '../../src/ca/refusal.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { secretHandlers } from '../../src/node/identity/sds.ts';
import { WorkloadIdentity } from '../../src/node/identity/workload-identity.ts';

const envoy = await findEnvoy();
const host = '127.0.0.1';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const sds = (name: string) => ({
  name,
  sds_config: {
    resource_api_version: 'V3',
    api_config_source: {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
    },
  },
});

/** An Envoy that echoes over mutual TLS, with SDS of state of the world or delta. */
const bootstrap = (port: number, socket: string, api: 'GRPC' | 'DELTA_GRPC') => {
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [sds('default')],
      validation_context_sds_secret_config: sds('ROOTCA'),
    },
  };
  const echo = { '@type': 'type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo' };
  const grpc = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  const listener = {
    name: 'echo',
    address: { socket_address: { address: host, port_value: port } },
    filter_chains: [{ transport_socket: { name: 'tls', typed_config: tls }, filters: [{ name: 'echo', typed_config: echo }] }],
  };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }];
  const cluster = {
    name: 'sds-grpc',
    typed_extension_protocol_options: grpc,
    load_assignment: { cluster_name: 'sds-grpc', endpoints },
  };
  const node = { id: 'echo', cluster: 'echo' };
  const text = JSON.stringify({ node, static_resources: { listeners: [listener], clusters: [cluster] } });
  return text.replaceAll('"api_type":"GRPC"', `"api_type":"${api}"`);
};

const identityOf = (authority: Authority, serviceAccount: string) => {
  const id = { trustDomain: authority.trustDomain, namespace: 'default', serviceAccount };
  return new WorkloadIdentity({
    id,
    issue: async (request, seconds) => {
      const issued = await issueWorkload(authority, request, id, seconds);
      assert.ok(!isRefusal(issued));
      return [...issued.chain, issued.bundle.pem];
    },
  });
};

/** A connection on which a word came back. Node reports a refused client certificate only after its own handshake. */
async function echoed(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host, checkServerIdentity: () => undefined, ...options });
  const answer = once(socket, 'data');
  socket.write('word');
  const [word] = (await Promise.race([answer, once(socket, 'close').then(() => Promise.reject(new Error('closed')))])) as [
    Buffer,
  ];
  assert.equal(word.toString(), 'word');
  return socket;
}

async function run(context: TestContext, api: 'GRPC' | 'DELTA_GRPC') {
  const folder = mkdtempSync(join(tmpdir(), 'lt-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const authority = await openAuthority(folder, { trustDomain: 'cluster.local' });
  await using server = identityOf(authority, 'reviews');
  await using client = identityOf(authority, 'productpage');
  await Promise.all([server.start(), client.start()]);
  const path = join(folder, 'sds.sock');
  const rejected: string[] = [];
  const handlers = secretHandlers({ credential: server.credential, onRejected: (reason) => rejected.push(reason) });
  await using _sds = await serveGrpc({ listen: { path }, handlers });

  const port = await freePort();
  const file = join(folder, 'envoy.json');
  writeFileSync(file, bootstrap(port, path, api));
  const proxy = spawn(envoy, ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'], { stdio: 'inherit' });
  const exited = once(proxy, 'exit');
  context.after(async () => {
    proxy.kill('SIGKILL');
    await exited;
  });

  const own = client.credential.value;
  assert.ok(own);
  const trusted = { port, ca: own.bundle.pem, cert: own.chain, key: own.key.reveal() };
  // Until it listens, Envoy refuses the connection.
  let long: TLSSocket | undefined;
  for (let tries = 0; long === undefined && tries < 100; tries++) {
    long = await echoed(trusted).catch(() => sleep(100).then(() => undefined));
  }
  assert.ok(long, 'Envoy never served with its certificate');
  const serialOf = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber;
  assert.equal(long.getPeerX509Certificate()?.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/reviews');
  await assert.rejects(echoed({ port, ca: own.bundle.pem }));

  const seen = new Set<string | undefined>();
  for (let renewal = 0; renewal < 3; renewal++) {
    await server.renew();
    const { serial } = server.credential.value ?? {};
    for (let serving = ''; serving !== serial;) {
      const socket = await echoed(trusted);
      serving = serialOf(socket) ?? '';
      seen.add(serving);
      socket.destroy();
    }
  }
  assert.ok(seen.size >= 3);
  // The connection from before the renewals goes on under the certificate that it began with.
  const again = once(long, 'data');
  long.write('still here');
  assert.equal(String((await again)[0]), 'still here');
  assert.deepEqual(rejected, []);
  long.destroy();
}

test('state of the world', { timeout: 60_000 }, (context) => run(context, 'GRPC'));
test('delta', { timeout: 60_000 }, (context) => run(context, 'DELTA_GRPC'));
