// What callers announce inside mutual TLS, servers tell apart: one Envoy is a client's sidecar and a server's, compiled from the same
// objects, and the application behind it says what arrived.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { decode } from '../../src/api/decode.ts';
import { meshConfigOf } from '../../src/api/mesh-config.ts';
import { originOf, type ApiObject } from '../../src/api/object.ts';
import { compileProxy } from '../../src/compile/compile.ts';
import { parseNode } from '../../src/compile/node.ts';
import { resourcesJson, type ConfigurationJson } from '../../src/control/resource-json.ts';
import { EnvoyProcess } from '../../src/node/envoy.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';
import { Peers } from '../support/peers.ts';

type Json = Readonly<Record<string, unknown>>;

/** A service for each way to declare a port and to demand mutual TLS: its name, its port's name, and what its server demands. */
const services = [
  { name: 'detected', port: '', mode: 'PERMISSIVE' },
  { name: 'detected-strict', port: '', mode: 'STRICT' },
  { name: 'http', port: 'http', mode: 'PERMISSIVE' },
  { name: 'http-strict', port: 'http', mode: 'STRICT' },
  { name: 'http2', port: 'http2', mode: 'PERMISSIVE' },
  { name: 'tcp', port: 'tcp', mode: 'PERMISSIVE' },
] as const;
type ServiceName = (typeof services)[number]['name'];

/** What the application saw of a request. */
interface Seen {
  readonly version: string;
  /** Only an HTTP chain of its proxy says who called. */
  readonly caller: string | undefined;
}

const identity = 'spiffe://cluster.local/ns/default/sa/server';
const folder = mkdtempSync(join(tmpdir(), 'lateen-detect-'));
const application = createServer((socket) => void serve(socket));
const http1 = createHttpServer((asked, reply) => void reply.end(JSON.stringify(seen(asked))));
const http2 = createHttp2Server((asked, reply) => void reply.end(JSON.stringify(seen(asked))));
const greeting = 'ready when you are\n';
const targets = new Map<ServiceName, number>();
const entrances = new Map<ServiceName, number>();
let envoy: EnvoyProcess;

const seen = ({ httpVersion, headers }: Pick<IncomingMessage, 'httpVersion' | 'headers'>): Seen => ({
  version: httpVersion,
  caller: headers['x-forwarded-client-cert']?.toString(),
});

/** HTTP/1, HTTP/2 or bytes, as the first of them say; to a caller that says nothing it speaks first. */
async function serve(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  const waiting = setTimeout(() => socket.write(greeting), 300);
  const [first] = (await once(socket, 'data')) as [Buffer];
  clearTimeout(waiting);
  const start = first.toString('latin1');
  const server = start.startsWith('PRI * HTTP/2.0') ? http2 : /^[A-Z]+ \S+ HTTP\/1/.test(start) ? http1 : undefined;
  if (server === undefined) {
    socket.write(first);
    socket.pipe(socket);
    return;
  }
  const inner = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => socket.destroy());
  inner.write(first);
  socket.pipe(inner).pipe(socket);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function inputs(): ApiObject[] {
  const metadata = (name: string, labels?: Json) => ({ name, namespace: 'default', ...(labels && { labels }) });
  const strict = services.filter(({ mode }) => mode === 'STRICT');
  const documents: Json[] = [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: metadata('server', { app: 'server', 'security.istio.io/tlsMode': 'istio' }),
      spec: { serviceAccountName: 'server', containers: [{ name: 'app' }] },
      status: { podIP: '127.0.0.1' },
    },
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: metadata('strict'),
      spec: {
        selector: { matchLabels: { app: 'server' } },
        portLevelMtls: Object.fromEntries(strict.map(({ name }) => [targets.get(name), { mode: 'STRICT' }])),
      },
    },
    ...services.flatMap(({ name, port }, index) => [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: metadata(name),
        spec: {
          clusterIP: `10.96.0.${index + 1}`,
          selector: { app: 'server' },
          ports: [{ name: port, port: 1000 + index, targetPort: targets.get(name) }],
        },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: metadata(name, { 'kubernetes.io/service-name': name }),
        addressType: 'IPv4',
        ports: [{ name: port, port: targets.get(name) }],
        endpoints: [{ addresses: ['127.0.0.1'], targetRef: { kind: 'Pod', name: 'server', namespace: 'default' } }],
      },
    ]),
  ];
  return documents.flatMap((document) => {
    const { object, diagnostics } = decode(document, originOf('test'));
    assert.deepEqual(diagnostics, []);
    return object ?? [];
  });
}

async function compiled(id: string): Promise<ConfigurationJson> {
  const node = parseNode({ id, metadata: { NAMESPACE: 'default' } });
  assert.ok(typeof node !== 'string');
  const meshConfig = meshConfigOf({ protocolDetectionTimeout: '200ms' }).config;
  return resourcesJson(compileProxy({ objects: inputs(), meshConfig, node }));
}

/** Walks JSON and puts something else where `change` gives it. */
function replaced(value: unknown, change: (value: Json) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => replaced(item, change));
  if (typeof value !== 'object' || value === null) return value;
  const other = change(value as Json);
  if (other !== undefined) return other;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, change)]));
}

const named = (list: readonly unknown[], name: unknown): Json =>
  list.find((item): item is Json => (item as Json)['name'] === name || (item as Json)['clusterName'] === name) ?? {};

const local = (port: number) => ({ socketAddress: { address: '127.0.0.1', portValue: port } });

/** The client's listeners on ports of loopback, and its clusters with the endpoints that they would be given. */
function clientSide({ listeners, routes, clusters, endpoints }: ConfigurationJson) {
  return {
    listeners: services.map(({ name }, index) => {
      const http = name.startsWith('http');
      const listener = named(listeners, `${http ? '0.0.0.0' : `10.96.0.${index + 1}`}_${1000 + index}`);
      const inline = replaced(listener, (value) => {
        const { rds, ...rest } = value;
        return rds === undefined ? undefined : { ...rest, routeConfig: named(routes, (rds as Json)['routeConfigName']) };
      }) as Json;
      return { ...inline, name: `client-${name}`, address: local(entrances.get(name) ?? 0), bindToPort: true };
    }),
    clusters: clusters.flatMap((cluster) => {
      const { edsClusterConfig, type: _type, ...rest } = cluster as Json;
      if (edsClusterConfig === undefined) return [];
      return [{ ...rest, type: 'STATIC', loadAssignment: named(endpoints, rest['name']) }];
    }),
  };
}

/** The server's chains at each port that services lead to: there connections come in as if redirected. Behind them is the application. */
function serverSide({ listeners, clusters }: ConfigurationJson, port: number) {
  const listener = named(listeners, 'virtualInbound');
  const original = ({ name }: Json) => name !== 'envoy.filters.listener.original_dst';
  return {
    listeners: services.map(({ name }) => ({
      ...listener,
      name: `server-${name}`,
      address: local(targets.get(name) ?? 0),
      listenerFilters: (listener['listenerFilters'] as readonly Json[]).filter(original),
    })),
    clusters: clusters.flatMap((cluster) => {
      const { type: _type, lbPolicy: _policy, upstreamBindConfig: _bind, ...rest } = cluster as Json;
      if (!String(rest['name']).startsWith('inbound|')) return [];
      const endpoint = { endpoint: { address: local(port) } };
      return [
        { ...rest, type: 'STATIC', loadAssignment: { clusterName: rest['name'], endpoints: [{ lbEndpoints: [endpoint] }] } },
      ];
    }),
  };
}

before(async () => {
  for (const { name } of services) {
    targets.set(name, await freePort());
    entrances.set(name, await freePort());
  }
  for (const server of [application, http1, http2]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const peers = await Peers.create();
  const leaf = await peers.leaf(identity);
  const secret = (name: string, content: Json): Json => {
    const path = join(folder, `${name}.json`);
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    writeFileSync(path, JSON.stringify({ resources: [{ '@type': type, name, ...content }] }));
    return { path };
  };
  const secrets = new Map([
    [
      'default',
      secret('default', {
        tlsCertificate: { certificateChain: { inlineString: leaf.certificate }, privateKey: { inlineString: leaf.key } },
      }),
    ],
    ['ROOTCA', secret('ROOTCA', { validationContext: { trustedCa: { inlineString: peers.root } } })],
  ]);
  const client = clientSide(await compiled('sidecar~10.1.0.9~client.default~default.svc.cluster.local'));
  const server = serverSide(
    await compiled('sidecar~127.0.0.1~server.default~default.svc.cluster.local'),
    (application.address() as AddressInfo).port,
  );
  const adminSocket = join(folder, 'admin.sock');
  const bootstrap = replaced(
    {
      node: { id: 'detect', cluster: 'test' },
      admin: { address: { pipe: { path: adminSocket } } },
      staticResources: {
        listeners: [...client.listeners, ...server.listeners],
        clusters: [...client.clusters, ...server.clusters],
      },
    },
    (value) =>
      value['sdsConfig'] === undefined
        ? undefined
        : { name: value['name'], sdsConfig: { pathConfigSource: secrets.get(String(value['name'])) } },
  );
  const bootstrapFile = join(folder, 'bootstrap.json');
  writeFileSync(bootstrapFile, JSON.stringify(bootstrap));
  envoy = new EnvoyProcess({ binary: await findEnvoy(), bootstrapFile, adminSocket, spawn: spawnBehind([]), concurrency: 1 });
  envoy.start();
  await envoy.ready();
});

after(async () => {
  await envoy[Symbol.asyncDispose]();
  for (const server of [application, http1, http2]) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const authority = (name: ServiceName): string => `${name}.default.svc.cluster.local`;

async function overHttp1(name: ServiceName): Promise<Seen> {
  const asked = request({ host: '127.0.0.1', port: entrances.get(name), headers: { host: authority(name) }, agent: false }).end();
  const [reply] = (await once(asked, 'response')) as [IncomingMessage];
  return JSON.parse(await text(reply)) as Seen;
}

async function overHttp2(name: ServiceName): Promise<Seen> {
  const session = connectHttp2(`http://127.0.0.1:${entrances.get(name)}`);
  try {
    return JSON.parse(await text(session.request({ ':authority': authority(name) }))) as Seen;
  } finally {
    session.close();
  }
}

async function bytes(name: ServiceName, sent: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: entrances.get(name) ?? 0 });
  if (sent !== '') socket.write(sent);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return first.toString();
}

const fromPeer = (found: Seen): string =>
  `HTTP/${found.version}${found.caller?.includes(`URI=${identity}`) ? ' from its peer' : ''}`;

for (const name of ['detected', 'detected-strict'] as const) {
  test(`${name}: requests of both versions arrive as HTTP, bytes as bytes`, async () => {
    assert.equal(fromPeer(await overHttp1(name)), 'HTTP/1.1 from its peer');
    assert.equal(fromPeer(await overHttp2(name)), 'HTTP/2.0 from its peer');
    assert.equal(await bytes(name, 'neither\n'), 'neither\n');
  });
}

for (const name of ['http', 'http-strict'] as const) {
  test(`${name}: requests of both versions arrive as HTTP/1.1`, async () => {
    assert.equal(fromPeer(await overHttp1(name)), 'HTTP/1.1 from its peer');
    assert.equal(fromPeer(await overHttp2(name)), 'HTTP/1.1 from its peer');
  });
}

test('http2: requests of both versions arrive as HTTP/2', async () => {
  assert.equal(fromPeer(await overHttp1('http2')), 'HTTP/2.0 from its peer');
  assert.equal(fromPeer(await overHttp2('http2')), 'HTTP/2.0 from its peer');
});

test('tcp: bytes go through, and requests are bytes too', async () => {
  assert.equal(await bytes('tcp', 'hello\n'), 'hello\n');
  assert.deepEqual(await overHttp1('tcp'), { version: '1.1' });
});

test('a server that speaks first is heard where the port is declared, and where detection has an end', async () => {
  assert.equal(await bytes('tcp', ''), greeting);
  assert.equal(await bytes('detected', ''), greeting);
});
