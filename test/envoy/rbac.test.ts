// The real Envoy decides requests and connections, over mutual TLS, as the policies say, and names the rule.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequestTo, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { create, toBinary, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ComparisonFilter_Op } from '../../gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { BootstrapSchema } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '../../gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { ConfigSchema as SetMetadataSchema } from '../../gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js';
import { ProxyProtocolSchema } from '../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { TlsInspectorSchema } from '../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { DownstreamTlsContextSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { AuthorizationPolicy } from '../../src/api/authorization-policy.ts';
import { any } from '../../src/filters/any.ts';
import type { NamedFilter } from '../../src/filters/filter.ts';
import { httpRbac, tcpRbac } from '../../src/filters/rbac/rbac.ts';
import { verdict, type TestRequest } from '../../src/filters/rbac/test-evaluator.ts';
import { httpRequest, spec, tcpConnection, token, wildSpec } from '../../src/filters/rbac/test-generators.ts';
import { allows } from '../../src/filters/rbac/test-oracle.ts';
import { connection, context, policy, request } from '../../src/filters/rbac/test-policies.ts';
import { adminRequest } from '../../src/node/admin.ts';
import { EnvoyProcess } from '../../src/node/envoy.ts';
import { findEnvoy } from '../../src/node/envoy-binary.ts';
import { spawnBehind } from '../../src/node/spawn-behind.ts';
import { Peers, type Leaf } from '../support/peers.ts';

type Spec = AuthorizationPolicy['spec'];
type ListenerInit = MessageInitShape<typeof ListenerSchema>;

/** Policies, what they are asked, and the token that every HTTP request to them carries. */
interface Scene {
  readonly specs: readonly Spec[];
  readonly requests: readonly TestRequest[];
  readonly token?: JsonObject;
}

const parse = (yaml: string): Spec => policy(yaml).object.body.spec;

const written: readonly Scene[] = [
  {
    specs: [
      parse(
        '{action: DENY, rules: [{to: [{operation: {paths: ["/admin/{**}"]}}], from: [{source: {notPrincipals: [td1/ns/foo/sa/admin]}}]}]}',
      ),
      parse('{rules: [{from: [{source: {namespaces: [foo]}}], to: [{operation: {methods: [GET]}}]}]}'),
    ],
    requests: [
      request({ peer: '127.0.0.1' }),
      request({ peer: '127.0.0.1', path: '/admin/a/b?c' }),
      request({ peer: '127.0.0.1', path: '/admin/a', identity: 'spiffe://td2/ns/foo/sa/admin' }),
      request({ peer: '127.0.0.1', method: 'POST' }),
      request({ peer: '127.0.0.1', identity: 'spiffe://td1/ns/bar/sa/sleep' }),
      request({ peer: '127.0.0.1', identity: undefined }),
    ],
  },
  { specs: [{}], requests: [request({ peer: '127.0.0.1' })] },
];

/** The same scenes in each run: what random policies find is for the unit test; here Envoy is asked whether it agrees. */
const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(arbitrary, { seed: 20_261, numRuns });

const withToken = (asked: TestRequest, payload: JsonObject | undefined): TestRequest => ({
  ...asked,
  metadata: payload === undefined ? {} : { 'envoy.filters.http.jwt_authn': { payload } },
});

const specs = fc.array(spec, { minLength: 1, maxLength: 3 });
const random: Scene[] = sample(
  fc.record(
    { specs, requests: fc.array(httpRequest, { minLength: 8, maxLength: 8 }), token },
    { requiredKeys: ['specs', 'requests'] },
  ),
  30,
).map((scene) => ({ ...scene, requests: scene.requests.map((asked) => withToken(asked, scene.token)) }));

const http = [...written, ...random];

const tcp: readonly Scene[] = [
  {
    specs: [parse('{rules: [{from: [{source: {principals: [td1/ns/foo/sa/sleep]}}], to: [{operation: {ports: ["9000"]}}]}]}')],
    requests: [
      connection({ peer: '127.0.0.1', port: 9000 }),
      connection({ peer: '127.0.0.1', port: 9001 }),
      connection({ peer: '127.0.0.1', port: 9000, identity: undefined }),
    ],
  },
  ...sample(fc.record({ specs, requests: fc.array(tcpConnection, { minLength: 6, maxLength: 6 }) }), 20),
];

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'lt-rbac-'));
const peers = await Peers.create();
const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
let envoy: EnvoyProcess;
const ports = new Map<string, number>();

before(async () => {
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const adminSocket = join(folder, 'admin.sock');
  const server = await peers.leaf('spiffe://td1/ns/foo/sa/server');
  const file = join(folder, 'bootstrap.pb');
  writeFileSync(file, bootstrap(adminSocket, (echo.address() as AddressInfo).port, server, http, tcp));
  envoy = new EnvoyProcess({
    binary: await findEnvoy(),
    bootstrapFile: file,
    adminSocket,
    spawn: spawnBehind([]),
    concurrency: 1,
  });
  envoy.start();
  await envoy.ready();
  const { body } = await adminRequest(adminSocket, 'GET', '/listeners?format=json');
  const { listener_statuses: listeners } = JSON.parse(body) as {
    listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  for (const { name, local_address: address } of listeners) ports.set(name, address.socket_address.port_value);
});

after(async () => {
  await envoy[Symbol.asyncDispose]();
  echo.close();
  rmSync(folder, { recursive: true, force: true });
});

test('HTTP: 403 for what the policies do not let through, with the rule in the details', async () => {
  const outcomes = new Set<string>();
  for (const [index, scene] of http.entries()) {
    const { filters } = httpRbac(policies(scene), context);
    for (const asked of scene.requests) {
      const { allowed, policy: key = 'none' } = verdict(filters, asked);
      assert.equal(allowed, allows(scene.specs, asked));
      const answer = await ask(`http-${index}`, asked);
      const about = JSON.stringify({ specs: scene.specs, asked });
      assert.equal(answer.status, allowed ? 200 : 403, about);
      outcomes.add(`${allowed} ${key === 'none'}`);
      if (allowed) continue;
      assert.equal(answer.body, 'RBAC: access denied');
      assert.equal(answer.headers['x-details'], `rbac_access_denied_matched_policy[${key}]`, about);
    }
  }
  // Allowed by a rule and for want of rules, denied by a rule and for want of one: all have been seen.
  assert.equal(outcomes.size, 4);
});

test('TCP: a connection that the policies do not let through is closed', async () => {
  const outcomes = new Set<boolean>();
  for (const [index, scene] of tcp.entries()) {
    for (const asked of scene.requests) {
      const allowed = allows(scene.specs, asked);
      assert.equal(await echoes(`tcp-${index}`, asked), allowed, JSON.stringify({ specs: scene.specs, asked }));
      outcomes.add(allowed);
    }
  }
  assert.equal(outcomes.size, 2);
});

test('whatever stands in a policy, Envoy takes what it becomes', async () => {
  // DENY rules go on with what is left of them, so nothing is hidden by a rule that is left out.
  const wild = sample(wildSpec, 400).map((of): Scene => ({ specs: [{ ...of, action: 'DENY' }], requests: [] }));
  const file = join(folder, 'wild.pb');
  writeFileSync(file, bootstrap(join(folder, 'wild.sock'), 1, await peers.leaf('spiffe://td1/ns/foo/sa/server'), wild, wild));
  const { stderr } = await run(await findEnvoy(), ['--mode', 'validate', '--config-path', file, '--log-level', 'error']);
  assert.equal(stderr, '');
});

const policies = (scene: Scene) => scene.specs.map((of, index) => policy(of, `p${index}`));

function bootstrap(
  adminSocket: string,
  echoPort: number,
  server: Leaf,
  httpScenes: readonly Scene[],
  tcpScenes: readonly Scene[],
): Uint8Array {
  const listeners = [
    ...httpScenes.map((scene, index) => listener(`http-${index}`, [manager(scene)], server)),
    ...tcpScenes.map((scene, index) => {
      const proxy = any(TcpProxySchema, { statPrefix: 'tcp', clusterSpecifier: { case: 'cluster', value: 'echo' } });
      return listener(`tcp-${index}`, [...tcpRbac(policies(scene), context).filters, { name: 'tcp', config: proxy }], server);
    }),
  ];
  const message = create(BootstrapSchema, {
    node: { id: 'rbac', cluster: 'rbac' },
    admin: { address: { address: { case: 'pipe', value: { path: adminSocket } } } },
    staticResources: {
      listeners,
      clusters: [
        {
          name: 'echo',
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
          loadAssignment: {
            clusterName: 'echo',
            endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: socketAddress(echoPort) } } }] }],
          },
        },
      ],
    },
  });
  return toBinary(BootstrapSchema, message);
}

const socketAddress = (portValue: number) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: portValue } },
  },
});

/** PROXY headers say where a connection comes from and goes to, so that a test can be anyone and ask for anything. */
const listener = (name: string, filters: readonly NamedFilter[], server: Leaf): ListenerInit => ({
  name,
  address: {
    address: { case: 'socketAddress', value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: 0 } } },
  },
  listenerFilters: [
    { name: 'envoy.filters.listener.proxy_protocol', configType: { case: 'typedConfig', value: any(ProxyProtocolSchema, {}) } },
    { name: 'envoy.filters.listener.tls_inspector', configType: { case: 'typedConfig', value: any(TlsInspectorSchema, {}) } },
  ],
  filterChains: [
    {
      filters: filters.map(typed),
      transportSocket: {
        name: 'envoy.transport_sockets.tls',
        configType: {
          case: 'typedConfig',
          value: any(DownstreamTlsContextSchema, {
            commonTlsContext: {
              tlsCertificates: [{ certificateChain: inline(server.certificate), privateKey: inline(server.key) }],
              validationContextType: {
                case: 'validationContext',
                value: { trustedCa: inline(peers.root) },
              },
            },
          }),
        },
      },
    },
  ],
});

const typed = ({ name, config }: NamedFilter) => ({ name, configType: { case: 'typedConfig' as const, value: config } });

const inline = (value: string) => ({ specifier: { case: 'inlineString' as const, value } });

function manager(scene: Scene): NamedFilter {
  const metadata = scene.token && [{ metadataNamespace: 'envoy.filters.http.jwt_authn', value: { payload: scene.token } }];
  const filters = [
    ...(metadata ? [{ name: 'token', config: any(SetMetadataSchema, { metadata }) }] : []),
    ...httpRbac(policies(scene), context).filters,
    { name: 'envoy.filters.http.router', config: any(RouterSchema, {}) },
  ];
  return {
    name: 'envoy.filters.network.http_connection_manager',
    config: any(HttpConnectionManagerSchema, {
      statPrefix: 'http',
      httpFilters: filters.map(typed),
      localReplyConfig: {
        mappers: [
          {
            filter: {
              filterSpecifier: {
                case: 'statusCodeFilter',
                value: { comparison: { op: ComparisonFilter_Op.GE, value: { defaultValue: 400, runtimeKey: 'unused' } } },
              },
            },
            headersToAdd: [{ header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS%' } }],
          },
        ],
      },
      routeSpecifier: {
        case: 'routeConfig',
        value: {
          virtualHosts: [
            {
              name: 'all',
              domains: ['*'],
              routes: [
                {
                  match: { pathSpecifier: { case: 'prefix', value: '/' } },
                  action: { case: 'directResponse', value: { status: 200, body: inline('through') } },
                },
              ],
            },
          ],
        },
      },
    }),
  };
}

function portOf(name: string): number {
  const port = ports.get(name);
  assert.ok(port);
  return port;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(name: string, asked: TestRequest): Promise<Answer> {
  const socket = await peers.connect(portOf(name), asked);
  const { ':method': [method] = [], ':path': [path] = [], ':authority': [host] = [], ...others } = asked.headers ?? {};
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const headers: OutgoingHttpHeaders = { host };
      for (const [header, values] of Object.entries(others)) headers[header] = [...values];
      const call = httpRequestTo({ createConnection: () => socket, method, path, headers });
      call.on('error', reject);
      call.on('response', (answer) => {
        text(answer).then((body) => resolve({ status: answer.statusCode, headers: answer.headers, body }), reject);
      });
      call.end();
    });
  } finally {
    socket.destroy();
  }
}

/** Whether a byte comes back; the other end of a connection that is refused closes it. */
async function echoes(name: string, asked: TestRequest): Promise<boolean> {
  const socket = await peers.connect(portOf(name), asked);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.on('data', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.write('x');
    });
  } finally {
    socket.destroy();
  }
}
