// Ways in which requests and connections fail, brought about with the real Envoy: which flags it sets, and what is made of its record.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { causeOf, type Cause } from '../../src/telemetry/cause.ts';
import { joinRecords } from '../../src/telemetry/join.ts';
import { RecordBook } from '../../src/telemetry/record-book.ts';
import type { AccessRecord } from '../../src/telemetry/record.ts';
import type { Known } from '../../src/telemetry/scene.ts';
import {
  connectionLogs,
  originMetadata,
  requestLogs,
  startRecordingEnvoy,
  typed,
  type RecordingEnvoy,
} from '../support/recording-envoy.ts';
import { writer } from '../support/records.ts';
import { until } from '../support/until.ts';

type Place = RecordingEnvoy['path'];

const router = (config: object = {}) => ({
  name: 'envoy.filters.http.router',
  typedConfig: typed('filters.http.router.v3.Router', config),
});
const manager = 'filters.network.http_connection_manager.v3.HttpConnectionManager';
const rule = (name: string) => `VirtualService/default/web#spec.http[${name}]`;

/** A route by the first word of the path, which names its cluster too unless it says another. */
const to = (name: string, action: object = {}, more: object = {}) => ({
  name,
  match: { path: `/${name}` },
  metadata: originMetadata(rule(name)),
  route: { cluster: name, ...action },
  ...more,
});

const routes = [
  to('refused'),
  to('again', { cluster: 'refused', retryPolicy: { retryOn: 'connect-failure', numRetries: 1 } }),
  to('empty'),
  to('cut'),
  to('garbage'),
  to('reset'),
  to('missing'),
  to('full'),
  to('limited'),
  to('dropped'),
  to('slow', { timeout: '0.2s' }),
  to('tries', { cluster: 'slow', timeout: '5s', retryPolicy: { retryOn: '5xx', numRetries: 1, perTryTimeout: '0.1s' } }),
  to('idle', { cluster: 'slow', timeout: '0s', idleTimeout: '0.2s' }),
  to('left', { cluster: 'slow', timeout: '0s' }),
  to('nowhere', { cluster: 'looked-up' }),
  to('strict', { cluster: 'slow' }),
  to(
    'fault',
    {},
    {
      typedPerFilterConfig: {
        'envoy.filters.http.fault': typed('filters.http.fault.v3.HTTPFault', {
          abort: { httpStatus: 418, percentage: { numerator: 100 } },
        }),
      },
    },
  ),
];

interface Manager {
  readonly filters?: readonly object[];
  readonly config?: object;
}

/** A listener of requests at the Unix socket of its name. */
const requests = (path: Place, name: string, { filters = [], config = {} }: Manager = {}) => ({
  name,
  address: { pipe: { path: path(name) } },
  filterChains: [
    {
      name: 'chain',
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typedConfig: typed(manager, {
            statPrefix: name,
            accessLog: requestLogs,
            routeConfig: {
              validateClusters: false,
              virtualHosts: [{ name: 'web.default.svc.cluster.local:80', domains: ['web'], routes }],
            },
            internalAddressConfig: { cidrRanges: [{ addressPrefix: '10.0.0.0', prefixLen: 8 }] },
            httpFilters: [...filters, router({ strictCheckHeaders: ['x-envoy-upstream-rq-timeout-ms'] })],
            ...config,
          }),
        },
      ],
    },
  ],
});

const connections = (path: Place, name: string, cluster: string, filters: readonly object[] = [], config: object = {}) => ({
  name,
  address: { pipe: { path: path(name) } },
  filterChains: [
    {
      name: 'chain',
      metadata: originMetadata('Service/default/web'),
      filters: [
        ...filters,
        {
          name: 'envoy.filters.network.tcp_proxy',
          typedConfig: typed('filters.network.tcp_proxy.v3.TcpProxy', {
            statPrefix: name,
            cluster,
            accessLog: connectionLogs,
            ...config,
          }),
        },
      ],
    },
  ],
});

const issuerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

const service = (name: string) => ({ grpcService: { envoyGrpc: { clusterName: name } }, transportApiVersion: 'V3' });

const listeners = (path: Place) => [
  requests(path, 'plain', {
    filters: [{ name: 'envoy.filters.http.fault', typedConfig: typed('filters.http.fault.v3.HTTPFault', {}) }],
  }),
  requests(path, 'asked', {
    filters: [
      { name: 'envoy.filters.http.ext_authz', typedConfig: typed('filters.http.ext_authz.v3.ExtAuthz', service('refused')) },
    ],
  }),
  requests(path, 'few', {
    filters: [
      {
        name: 'envoy.filters.http.local_ratelimit',
        typedConfig: typed('filters.http.local_ratelimit.v3.LocalRateLimit', {
          statPrefix: 'few',
          tokenBucket: { maxTokens: 1, tokensPerFill: 1, fillInterval: '3600s' },
          filterEnabled: { defaultValue: { numerator: 100 } },
          filterEnforced: { defaultValue: { numerator: 100 } },
        }),
      },
    ],
  }),
  requests(path, 'counted', {
    filters: [
      {
        name: 'envoy.filters.http.ratelimit',
        typedConfig: typed('filters.http.ratelimit.v3.RateLimit', {
          domain: 'web',
          failureModeDeny: true,
          rateLimitService: service('refused'),
        }),
      },
    ],
    config: {
      routeConfig: {
        virtualHosts: [
          {
            name: 'web.default.svc.cluster.local:80',
            domains: ['*'],
            rateLimits: [{ actions: [{ genericKey: { descriptorValue: 'all' } }] }],
            routes,
          },
        ],
        validateClusters: false,
      },
    },
  }),
  requests(path, 'token', {
    filters: [
      {
        name: 'envoy.filters.http.jwt_authn',
        typedConfig: typed('filters.http.jwt_authn.v3.JwtAuthentication', {
          providers: { one: { issuer: 'one', localJwks: { inlineString: JSON.stringify({ keys: [issuerKey] }) } } },
          rules: [{ match: { prefix: '/' }, requires: { providerName: 'one' } }],
        }),
      },
    ],
  }),
  requests(path, 'late', {
    filters: [
      {
        name: 'late',
        configDiscovery: {
          configSource: { pathConfigSource: { path: path('late.json') }, initialFetchTimeout: '0.1s' },
          typeUrls: ['type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'],
        },
      },
    ],
  }),
  connections(path, 'bytes', 'refused'),
  connections(path, 'nobody', 'empty'),
  connections(path, 'brief', 'slow', [], { maxDownstreamConnectionDuration: '0.2s' }),
  connections(path, 'still', 'slow', [], { idleTimeout: '0.2s' }),
  connections(path, 'denied', 'slow', [
    {
      name: 'envoy.filters.network.rbac',
      typedConfig: typed('filters.network.rbac.v3.RBAC', { statPrefix: 'r', rules: { action: 'ALLOW', policies: {} } }),
    },
  ]),
];

const cluster = (name: string, socket: string | undefined, more: object = {}) => ({
  name,
  connectTimeout: '1s',
  loadAssignment: {
    clusterName: name,
    endpoints: socket === undefined ? [] : [{ lbEndpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }],
  },
  ...more,
});

const httpOptions = (options: object) => ({
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed('upstreams.http.v3.HttpProtocolOptions', options),
  },
});

const clusters = (path: Place) => [
  cluster('refused', path('nothing-there')),
  cluster('empty', undefined),
  cluster('cut', path('cut-origin')),
  cluster('garbage', path('garbage-origin')),
  cluster('slow', path('slow-origin')),
  cluster('fault', path('slow-origin')),
  cluster('reset', path('reset-origin'), httpOptions({ explicitHttpConfig: { http2ProtocolOptions: {} } })),
  cluster('full', path('slow-origin'), { circuitBreakers: { thresholds: [{ maxPendingRequests: 0 }] } }),
  cluster(
    'limited',
    path('slow-origin'),
    httpOptions({
      commonHttpProtocolOptions: { maxStreamDuration: '0.2s' },
      explicitHttpConfig: { httpProtocolOptions: {} },
    }),
  ),
  {
    ...cluster('dropped', path('slow-origin')),
    loadAssignment: {
      clusterName: 'dropped',
      policy: { dropOverloads: [{ category: 'all', dropPercentage: { numerator: 100 } }] },
      endpoints: [{ lbEndpoints: [{ endpoint: { address: { pipe: { path: path('slow-origin') } } } }] }],
    },
  },
];

const known: Known = {
  cluster: [{ object: 'Service/default/web', path: '' }],
  undeclared: false,
  rules: [{ object: 'VirtualService/default/web', path: '' }],
  endpoints: 0,
  allowing: [{ object: 'AuthorizationPolicy/default/web', path: '' }],
  considered: [],
  authentication: [],
};

let envoy: RecordingEnvoy;
const book = new RecordBook(10_000);
const opened = book.open(writer('caller'));
const origins: Server[] = [];

before(async () => {
  envoy = await startRecordingEnvoy({
    handlers: opened.handlers,
    listeners: (path) => {
      writeFileSync(path('late.json'), '{}');
      return listeners(path);
    },
    clusters,
  });
  const listening = (server: Server, name: string) =>
    new Promise<void>((resolve) => {
      origins.push(server);
      server.listen(envoy.path(name), resolve);
    });
  await listening(
    createServer((socket) => socket.on('error', () => {})),
    'slow-origin',
  );
  await listening(
    createServer((socket) => socket.on('error', () => {}).on('data', () => socket.destroy())),
    'cut-origin',
  );
  await listening(
    createServer((socket) => socket.on('error', () => {}).on('data', () => socket.end('no answer of HTTP\r\n\r\n'))),
    'garbage-origin',
  );
  const resetting = createHttp2Server();
  resetting.on('sessionError', () => {}).on('stream', (stream) => stream.on('error', () => {}).close(2));
  await listening(resetting as unknown as Server, 'reset-origin');
  // The one request that its limit allows.
  await failure(() => ask('/unknown', { listener: 'few' }));
});
after(async () => {
  for (const origin of origins) origin.close();
  await envoy?.[Symbol.asyncDispose]();
  opened[Symbol.dispose]();
});

/** Requests from elsewhere have no x-envoy headers: Envoy takes them away. */
const fromInside = { 'x-forwarded-for': '10.0.0.1' };

interface Asking {
  readonly listener?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which the caller goes. */
  readonly leaves?: number;
}

/** Asks until it is answered, or the connection ends. */
const ask = (path: string, { listener = 'plain', headers = {}, leaves }: Asking = {}): Promise<void> =>
  new Promise((resolve) => {
    const sent = request({ socketPath: envoy.path(listener), path, agent: false, headers: { host: 'web', ...headers } });
    sent.on('response', (answer) => answer.resume().on('close', resolve));
    sent.on('error', () => resolve()).end();
    if (leaves !== undefined) setTimeout(() => sent.destroy(), leaves);
  });

/** Says some bytes, and waits for the end of the connection. */
const say = (listener: string, bytes: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(envoy.path(listener), () => void socket.write(bytes));
    socket
      .on('error', () => {})
      .on('close', () => resolve())
      .resume();
  });

/** A caller that takes its request back, as HTTP/2 can. */
const takeBack = (path: string): Promise<void> =>
  new Promise((resolve) => {
    const session = connectHttp2('http://web', { createConnection: () => connect(envoy.path('plain')) });
    const stream = session.request({ ':path': path, ':authority': 'web' });
    stream.on('error', () => {}).on('close', () => session.close(resolve));
    setTimeout(() => stream.close(8), 200);
  });

/** The first record that comes of it, and what is made of that. */
async function failure(work: () => Promise<void>): Promise<{ readonly record: AccessRecord; readonly cause: Cause | undefined }> {
  const before = [...book.recent()].length;
  await work();
  const record = await until(
    () => [...book.recent()][before],
    () => 'a record',
  );
  const [exchange] = joinRecords([record]);
  assert.ok(exchange !== undefined);
  return { record, cause: causeOf(exchange, known) };
}

const cases: Readonly<
  Record<string, readonly [work: () => Promise<void>, code: number, flags: readonly string[], says: RegExp, origin?: string]>
> = {
  'UF: nothing listens': [() => ask('/refused'), 503, ['UF'], /could not connect to/, 'Service/default/web'],
  'URX: nothing listens, tried twice': [() => ask('/again'), 503, ['UF', 'URX'], /could not connect to/, 'Service/default/web'],
  'UH: no endpoint': [() => ask('/empty'), 503, ['UH'], /has no endpoints/, rule('empty')],
  'UC: cut off': [() => ask('/cut'), 503, ['UC'], /closed the connection before its answer was complete/],
  'UPE: no HTTP': [() => ask('/garbage'), 502, ['UPE'], /not valid HTTP/],
  'UR: the stream is reset': [() => ask('/reset'), 503, ['UR'], /reset the stream before its answer was complete/],
  'NC: no such cluster': [
    () => ask('/missing'),
    503,
    ['NC'],
    /leads to a service, port or subset that caller\.default’s proxy does not have/,
    rule('missing'),
  ],
  'NR: no route': [() => ask('/unknown'), 404, ['NR'], /no rule for web\.default.* matches GET \/unknown/],
  'NR: no host': [() => ask('/', { headers: { host: 'other' } }), 404, ['NR'], /has no host other/],
  'UO: a limit': [() => ask('/full'), 503, ['UO'], /a limit on connections or requests/, 'Service/default/web'],
  'UT: a timeout': [() => ask('/slow'), 504, ['UT'], /had not answered after \d+ ms: the time for the request/, rule('slow')],
  'UT: tries': [() => ask('/tries'), 504, ['UT', 'URX'], /in 2 attempts: the time for an attempt was over/, rule('tries')],
  'UMSDR: the longest stream': [() => ask('/limited'), 504, ['UMSDR'], /longest time that it may last/],
  'SI: nothing is said': [() => ask('/idle'), 504, ['SI'], /nothing was said for too long/],
  'IH: an invalid header': [
    () => ask('/strict', { headers: { 'x-envoy-upstream-rq-timeout-ms': 'soon', ...fromInside } }),
    400,
    ['IH'],
    /x-envoy header of the request is invalid/,
  ],
  'DPE: no HTTP from the caller': [() => say('plain', 'hello there\r\n\r\n'), 400, ['DPE'], /HTTP.* is invalid|not valid HTTP/],
  'DC: the caller goes': [() => ask('/left', { leaves: 200 }), 0, ['DC'], /went away after \d+ ms/],
  'DR: the caller takes it back': [() => takeBack('/left'), 0, ['DR'], /went away after \d+ ms/],
  'FI: a fault': [() => ask('/fault'), 418, ['FI'], /a fault of the rule aborted it with 418/],
  'UDO: dropped': [() => ask('/dropped'), 503, ['UDO'], /dropped/],
  'UAEX: who decides is not there': [
    () => ask('/slow', { listener: 'asked' }),
    403,
    ['UAEX'],
    /external authorization service could not be asked/,
  ],
  'RL: a limit of this proxy': [() => ask('/slow', { listener: 'few' }), 429, ['RL'], /a rate limit of this proxy was reached/],
  'RLSE: who counts is not there': [
    () => ask('/slow', { listener: 'counted' }),
    500,
    ['RLSE'],
    /rate limit service could not be asked/,
  ],
  'a token is missing': [() => ask('/slow', { listener: 'token' }), 401, [], /token \(JWT\) was refused: Jwt is missing/],
  'NFCF: a filter without configuration': [
    () => ask('/slow', { listener: 'late' }),
    500,
    ['NFCF'],
    /has not got its configuration/,
  ],
  'UF: no connection': [() => say('bytes', 'hello'), 0, ['UF', 'URX'], /could not connect to/, 'Service/default/web'],
  'UH: nobody to connect to': [() => say('nobody', 'hello'), 0, ['UH'], /has no endpoints/],
  'no ALLOW rule for a connection': [() => say('denied', 'hello'), 0, [], /no rule of them allows this connection/],
};

for (const [name, [work, code, flags, says, origin]] of Object.entries(cases)) {
  test(name, { timeout: 30_000 }, async () => {
    const { record, cause } = await failure(work);
    assert.deepEqual([...record.flags].sort(), [...flags].sort(), record.details);
    assert.equal(record.code, code);
    assert.match(cause?.says ?? '', says);
    assert.notEqual(cause?.fix, '');
    if (origin !== undefined) {
      const told = cause?.origins.map(({ object, path }) => (path === '' ? object : `${object}#${path}`));
      assert.ok(told?.includes(origin), String(told));
    }
  });
}

test('connections that end because their time is over, or nothing is sent, have not failed', async () => {
  const brief = await failure(() => say('brief', 'hello'));
  assert.deepEqual([brief.record.flags, brief.cause], [['DT'], undefined]);
  const still = await failure(() => say('still', 'hello'));
  assert.deepEqual([still.record.flags, still.cause], [[], undefined]);
  assert.match(still.record.closed, /idle_timeout/);
});
