// One real Envoy with listeners and clusters of a test's own, asked by real requests; and what explain says of the same, read from that
// Envoy's own dump.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { create } from '@bufbuild/protobuf';
import { AddressSchema } from '../../../gen/envoy/config/core/v3/address_pb.js';
import { dumpedConfiguration } from '../../../src/explain/dump.ts';
import { explain } from '../../../src/explain/explain.ts';
import type { Explanation } from '../../../src/explain/explanation.ts';
import type { HttpRequest, Request } from '../../../src/explain/request.ts';
import { adminRequest } from '../../../src/node/admin.ts';
import { EnvoyProcess } from '../../../src/node/envoy.ts';
import { findEnvoy } from '../../../src/node/envoy-binary.ts';
import { spawnBehind } from '../../../src/node/spawn-behind.ts';

export const type = (name: string): string => `type.googleapis.com/${name}`;

/** A listener's address at a port of the system's choice. */
export const anyPort = { socket_address: { address: '127.0.0.1', port_value: 0 } };

/** Callers say by it where they come from and what they dialled. */
export const proxyProtocol = {
  name: 'envoy.filters.listener.proxy_protocol',
  typed_config: { '@type': type('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol') },
};

export interface Asked {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly source: string;
  /** What the caller dialled. */
  readonly destination?: { readonly address: string; readonly port: number };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export const get = (
  host: string,
  path: string,
  headers: readonly (readonly [string, string])[] = [],
  more: Partial<Asked> = {},
): Asked => ({ method: 'GET', host, path, headers, source: '10.3.0.1', ...more });

const dialledByDefault = { address: '127.0.0.1', port: 80 };

export const requestOf = ({ method, host, path, headers, source, destination = dialledByDefault }: Asked): HttpRequest => ({
  kind: 'http',
  entry: { port: 0 },
  destination,
  source: { address: source },
  version: 'HTTP/1.1',
  method,
  authority: host,
  path,
  headers,
});

/** The listeners are at ports of the system's choice, which no configuration says. */
const somePort = 9999;

export interface OneEnvoy extends AsyncDisposable {
  /** What explain says of a request to a listener. */
  readonly explained: (listener: string, request: Request) => Explanation;
  /** A connection to a listener. */
  readonly open: (
    listener: string,
    from: { readonly source: string; readonly sourcePort?: number },
    to: { readonly address: string; readonly port: number },
  ) => Promise<Socket>;
  /** What a listener answers. */
  readonly ask: (listener: string, asked: Asked) => Promise<Answer>;
}

/** `servers`: clusters of one server each, which says what it got and under which name it was reached. */
export async function startOneEnvoy(
  listeners: readonly object[],
  servers: readonly string[],
  clusters: (ports: Readonly<Record<string, number>>) => readonly object[],
): Promise<OneEnvoy> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'lt-explain-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const ports: Record<string, number> = {};
  for (const name of servers) {
    const server = createServer((request, response) => {
      request.resume();
      response.setHeader('x-server', name);
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers }));
    });
    stack.defer(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ports[name] = (server.address() as AddressInfo).port;
  }
  const adminSocket = join(folder, 'admin.sock');
  const bootstrapFile = join(folder, 'bootstrap.json');
  const bootstrap = {
    admin: { address: { pipe: { path: adminSocket } } },
    bootstrap_extensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typed_config: { '@type': type('envoy.extensions.bootstrap.internal_listener.v3.InternalListener') },
      },
    ],
    static_resources: { listeners, clusters: clusters(ports) },
  };
  writeFileSync(bootstrapFile, JSON.stringify(bootstrap));
  const binary = await findEnvoy();
  const checked = spawnSync(binary, ['--mode', 'validate', '--config-path', bootstrapFile, '--log-level', 'error'], {
    encoding: 'utf8',
  });
  assert.equal(checked.status, 0, checked.stderr);
  const envoy = new EnvoyProcess({ binary, bootstrapFile, adminSocket, spawn: spawnBehind([]), concurrency: 1 });
  stack.use(envoy);
  envoy.start();
  await envoy.ready();
  const { body } = await adminRequest(adminSocket, 'GET', '/listeners?format=json');
  const { listener_statuses: statuses } = JSON.parse(body) as {
    listener_statuses: { name: string; local_address: { socket_address?: { port_value: number } } }[];
  };
  const bound = new Map(statuses.map(({ name, local_address: at }) => [name, at.socket_address?.port_value ?? 0]));
  const dump = dumpedConfiguration((await adminRequest(adminSocket, 'GET', '/config_dump?include_eds')).body);
  if (typeof dump === 'string') assert.fail(dump);

  const open: OneEnvoy['open'] = async (listener, { source, sourcePort = 4000 }, { address, port }) => {
    const socket = connect({ host: '127.0.0.1', port: bound.get(listener) ?? 0 });
    await once(socket, 'connect');
    socket.write(`PROXY TCP4 ${source} ${address} ${sourcePort} ${port}\r\n`);
    return socket;
  };
  const undo = stack.move();
  return {
    explained(name, request) {
      const listener = dump.listeners.find((each) => each.name === name);
      assert.ok(listener);
      const address = create(AddressSchema, {
        address: { case: 'socketAddress', value: { address: '0.0.0.0', portSpecifier: { case: 'portValue', value: somePort } } },
      });
      const others = dump.listeners.filter((each) => each !== listener);
      return explain({ ...dump, listeners: [{ ...listener, address }, ...others] }, { ...request, entry: { port: somePort } });
    },
    open,
    async ask(listener, { method, host, path, headers, source, destination = dialledByDefault }) {
      const socket = await open(listener, { source }, destination);
      const grouped: Record<string, string | string[]> = { host };
      for (const [written, value] of headers) {
        const name = written.toLowerCase();
        grouped[name] = name in grouped ? [grouped[name] ?? '', value].flat() : value;
      }
      try {
        return await new Promise<Answer>((resolve, reject) => {
          const call = send({ createConnection: () => socket, method, path, headers: grouped });
          const answered = (response: IncomingMessage): void => {
            const status = response.statusCode ?? 0;
            text(response).then((said) => resolve({ status, headers: response.headers, body: said }), reject);
          };
          call.on('error', reject);
          call.on('response', answered);
          // What is switched to another protocol has no body: that it was is the answer.
          call.on('upgrade', (response) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' }));
          call.on('connect', (response) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' }));
          call.end();
        });
      } finally {
        socket.destroy();
      }
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

/** A cluster of one server, or of none. */
export const clusterAt = (name: string, port: number | undefined): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints:
      port === undefined
        ? []
        : [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
  },
});
