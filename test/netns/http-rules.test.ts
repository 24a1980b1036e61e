// What rules of VirtualService and DestinationRule do to real requests: one caller, one service of two versions, one rule at a time.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/**
 * Says what it got. `/fail/N?id=X` fails N times for X before it answers; `/stall/N?id=X` does not answer the first N times;
 * `/sleep/MS` takes its time.
 */
const server = `
const seen = new Map();
require('node:http').createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  const [, what, amount] = url.pathname.split('/');
  const id = url.searchParams.get('id') ?? '';
  const attempt = (seen.get(id) ?? 0) + 1;
  seen.set(id, attempt);
  const answer = (status) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-server': process.env.VERSION });
    response.end(JSON.stringify({ version: process.env.VERSION, url: request.url, method: request.method, headers: request.headers, attempt }));
  };
  if (what === 'fail' && attempt <= Number(amount)) return answer(503);
  if (what === 'stall' && attempt <= Number(amount)) return;
  if (what === 'sleep') return setTimeout(() => answer(200), Number(amount));
  answer(200);
}).listen(8080);
`;

interface Got {
  readonly version: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempt: number;
}

const pod = (version: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `echo-${version}`, labels: { app: 'echo', version } },
  spec: {
    containers: [
      {
        name: 'echo',
        image: 'curlimages/curl',
        command: [node, '-e', server],
        env: [{ name: 'VERSION', value: version }],
        ports: [{ containerPort: 8080 }],
        readinessProbe: { tcpSocket: { port: 8080 } },
      },
    ],
  },
});

const given = [
  pod('v1'),
  pod('v2'),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'echo' },
    spec: { selector: { app: 'echo' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'caller' },
    spec: { containers: [{ name: 'caller', image: 'curlimages/curl', command: ['sleep', 'infinity'] }] },
  },
];

let mesh: RunningMesh;
before(async () => {
  if (skip === false) mesh = await startMesh({ text: given.map((each) => JSON.stringify(each)).join('\n---\n') });
});
after(async () => mesh?.[Symbol.asyncDispose]());

const networking = (kind: string, spec: object) =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'echo', namespace: 'default' }, spec });

interface Rules {
  readonly http?: readonly object[];
  readonly policy?: object;
}

let generation = 0;

/** Puts these rules in force: a header of their own shows when they are. */
async function rules({ http = [{ route: [{ destination: { host: 'echo' } }] }], policy }: Rules): Promise<void> {
  const mark = `g${++generation}`;
  const marked = { match: [{ uri: { exact: '/mark' } }], directResponse: { status: 200, body: { string: mark } } };
  const subsets = ['v1', 'v2'].map((version) => ({ name: version, labels: { version } }));
  await mesh.apply(
    [
      networking('DestinationRule', { host: 'echo', ...(policy && { trafficPolicy: policy }), subsets }),
      networking('VirtualService', { hosts: ['echo'], http: [marked, ...http] }),
    ].join('\n---\n'),
  );
  await until(
    async () => (await mesh.curl('caller', 'http://echo/mark')).body === mark,
    () => `rules ${mark} to be in force`,
  );
}

const v1 = { route: [{ destination: { host: 'echo', subset: 'v1' } }] };
const v2 = { route: [{ destination: { host: 'echo', subset: 'v2' } }] };

async function call(path: string, ...args: readonly string[]): Promise<Got & { readonly status: number }> {
  const { status, body } = await mesh.curl('caller', ...args, `http://echo${path}`);
  const json = body.startsWith('{') ? (JSON.parse(body) as Got) : { version: '', url: '', headers: {}, attempt: 0 };
  return { status, ...json };
}

/** What curl writes of an answer, by its `-w` words. */
const written = async (words: string, path: string, ...args: readonly string[]): Promise<string> =>
  (await mesh.exec('caller', ['curl', '-s', '-o', '/dev/null', '-w', words, ...args, `http://echo${path}`])).trim();

test('timeout: a request that takes longer is answered 504', { skip }, async () => {
  await rules({ http: [{ ...v1, timeout: '0.3s' }] });
  assert.equal((await call('/sleep/5000')).status, 504);
  assert.equal((await call('/sleep/10')).status, 200);
});

test('retries: as often as the rule says, for the reasons it gives', { skip }, async () => {
  await rules({ http: [{ ...v1, retries: { attempts: 3, retryOn: '5xx' } }] });
  const third = await call('/fail/2?id=a');
  assert.deepEqual([third.status, third.attempt], [200, 3]);
  assert.equal((await call('/fail/4?id=b')).status, 503);
  await rules({ http: [{ ...v1, retries: { attempts: 0 } }] });
  assert.equal((await call('/fail/1?id=c')).status, 503);
});

test('perTryTimeout: an attempt that stalls is given up for another', { skip }, async () => {
  await rules({ http: [{ ...v1, retries: { attempts: 2, perTryTimeout: '0.3s', retryOn: 'gateway-error' } }] });
  const second = await call('/stall/1?id=d');
  assert.deepEqual([second.status, second.attempt], [200, 2]);
  assert.equal((await call('/stall/9?id=e')).status, 504);
});

test('faults: delays hold requests back, aborts answer them; a rule without a match leaves none out', { skip }, async () => {
  await rules({
    http: [
      {
        match: [{ headers: { end: { exact: 'abort' } } }],
        fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
        ...v1,
      },
      {
        match: [{ headers: { end: { exact: 'late' } } }],
        fault: { delay: { fixedDelay: '0.6s', percentage: { value: 100 } } },
        ...v1,
      },
      v1,
    ],
  });
  assert.equal((await call('/', '-H', 'end: abort')).status, 418);
  assert.equal(Number(await written('%{time_total}', '/', '-H', 'end: late')) >= 0.6, true);
  assert.equal((await call('/')).status, 200);
});

test('matches: by method, query, header, absent header, path in any case, and expression', { skip }, async () => {
  await rules({
    http: [
      { match: [{ method: { exact: 'POST' } }], ...v2 },
      { match: [{ queryParams: { to: { exact: 'v2' } } }], ...v2 },
      { match: [{ headers: { to: { regex: 'v[2-9]' } } }], ...v2 },
      { match: [{ uri: { prefix: '/UPPER' }, ignoreUriCase: true }], ...v2 },
      { match: [{ uri: { regex: '/num/[0-9]+' }, withoutHeaders: { old: {} } }], ...v2 },
      v1,
    ],
  });
  const versions = async (...calls: readonly (readonly [string, ...string[]])[]) =>
    Promise.all(calls.map(async ([path, ...args]) => (await call(path, ...args)).version));
  assert.deepEqual(
    await versions(['/', '-X', 'POST'], ['/?to=v2'], ['/', '-H', 'to: v3'], ['/upper/x'], ['/num/12']),
    Array.from({ length: 5 }, () => 'v2'),
  );
  assert.deepEqual(
    await versions(['/'], ['/?to=v1'], ['/', '-H', 'to: v1x'], ['/num/12', '-H', 'old: 1'], ['/num/x']),
    Array.from({ length: 5 }, () => 'v1'),
  );
});

test('rewrites and redirects', { skip }, async () => {
  await rules({
    http: [
      { match: [{ uri: { prefix: '/old/' } }], rewrite: { uri: '/new/', authority: 'other.example' }, ...v1 },
      {
        match: [{ uri: { prefix: '/pattern' } }],
        rewrite: { uriRegexRewrite: { match: '/pattern/(\\w+)/(\\w+)', rewrite: '/\\2/\\1' } },
        ...v1,
      },
      { match: [{ uri: { prefix: '/gone' } }], redirect: { uri: '/here', authority: 'there.example', redirectCode: 308 } },
      { match: [{ uri: { prefix: '/moved' } }], redirect: { scheme: 'https', derivePort: 'FROM_PROTOCOL_DEFAULT' } },
      v1,
    ],
  });
  const old = await call('/old/page?x=1');
  assert.deepEqual([old.url, old.headers['host']], ['/new/page?x=1', 'other.example']);
  assert.equal((await call('/pattern/a/b')).url, '/b/a');
  assert.equal(await written('%{http_code} %{redirect_url}', '/gone/x'), '308 http://there.example/here');
  assert.equal(await written('%{http_code} %{redirect_url}', '/moved'), '301 https://echo/moved');
});

test('headers: set, added and removed, on requests and responses', { skip }, async () => {
  await rules({
    http: [
      {
        headers: {
          request: { set: { a: 'set' }, add: { b: 'more' }, remove: ['c'] },
          response: { set: { 'x-rule': 'yes' }, remove: ['x-server'] },
        },
        route: [{ destination: { host: 'echo', subset: 'v1' }, headers: { request: { set: { host: 'set.example' } } } }],
      },
    ],
  });
  const { headers } = await call('/', '-H', 'a: own', '-H', 'b: own', '-H', 'c: own');
  assert.deepEqual([headers['a'], headers['b'], headers['c'], headers['host']], ['set', 'own, more', undefined, 'set.example']);
  assert.equal(await written('%header{x-rule}|%header{x-server}', '/'), 'yes|');
});

test('CORS: a preflight is answered for origins that are allowed', { skip }, async () => {
  const corsPolicy = {
    allowOrigins: [{ exact: 'https://a.example' }],
    allowMethods: ['GET', 'PUT'],
    maxAge: '1m',
    allowCredentials: true,
  };
  await rules({ http: [{ corsPolicy, ...v1 }] });
  const preflight = (origin: string) =>
    written(
      '%header{access-control-allow-origin} %header{access-control-allow-methods} %header{access-control-max-age}',
      '/',
      '-X',
      'OPTIONS',
      '-H',
      `origin: ${origin}`,
      '-H',
      'access-control-request-method: PUT',
    );
  assert.equal(await preflight('https://a.example'), 'https://a.example GET,PUT 60');
  assert.equal(await preflight('https://b.example'), '');
});

test('consistent hash: one user stays on one server, and a cookie is given to who has none', { skip }, async () => {
  await rules({ policy: { loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } } } });
  const users = Array.from({ length: 6 }, (_, index) => `user-${index}`);
  for (const user of users) {
    const versions = new Set<string>();
    for (let turn = 0; turn < 4; turn++) versions.add((await call('/', '-H', `x-user: ${user}`)).version);
    assert.equal(versions.size, 1, `${user} was on ${[...versions].join(' and ')}`);
  }
  await rules({ policy: { loadBalancer: { consistentHash: { httpCookie: { name: 'place', ttl: '60s' } } } } });
  assert.match(await written('%header{set-cookie}', '/'), /^place="?[0-9a-f]+"?; Max-Age=60/);
});

test('consistent hash: by a parameter of the query, by the address of the caller, and by Maglev', { skip }, async () => {
  const stays = async (times: number, path: string, ...args: readonly string[]): Promise<void> => {
    const versions = new Set<string>();
    for (let turn = 0; turn < times; turn++) versions.add((await call(path, ...args)).version);
    assert.equal(versions.size, 1, `${path} was on ${[...versions].join(' and ')}`);
  };
  await rules({ policy: { loadBalancer: { consistentHash: { httpQueryParameterName: 'user' } } } });
  for (const user of ['a', 'b', 'c', 'd']) await stays(4, `/?user=${user}`);
  await rules({ policy: { loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 64 } } } } });
  await stays(8, '/');
  await rules({ policy: { loadBalancer: { consistentHash: { httpHeaderName: 'x-user', maglev: { tableSize: 251 } } } } });
  for (const user of ['a', 'b', 'c', 'd']) await stays(4, '/', '-H', `x-user: ${user}`);
});

test('warm-up: servers take calls while their share grows', { skip }, async () => {
  const warmup = { duration: '30s', minimumPercent: 50, aggression: 1 };
  await rules({ policy: { loadBalancer: { simple: 'ROUND_ROBIN', warmup } } });
  const versions = new Set<string>();
  for (let turn = 0; turn < 12; turn++) versions.add((await call('/')).version);
  assert.deepEqual([...versions].sort(), ['v1', 'v2']);
});

test('retry budget: of requests that all need retries only as many have one as it allows', { skip }, async () => {
  // Two attempts that stall keep the budget taken until all others have asked for it.
  const retries = { attempts: 2, perTryTimeout: '600ms', retryOn: 'gateway-error' };
  await rules({ http: [{ ...v1, retries }], policy: { retryBudget: { percent: 0, minRetryConcurrency: 1 } } });
  const each = 'curl -s -o /dev/null -w "%{http_code}\\n" "http://echo/stall/2?id=budget-$i"';
  const statuses = (await mesh.exec('caller', ['sh', '-c', `for i in 1 2 3 4 5 6; do ${each} & done; wait`])).trim().split('\n');
  assert.equal(statuses.length, 6);
  assert.ok(statuses.includes('200') && statuses.some((status) => status !== '200'), statuses.join(' '));
});

test('connection pool: what is above the limits is refused at once', { skip }, async () => {
  await rules({ http: [v1], policy: { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } } });
  const command = 'for i in 1 2 3 4 5 6; do curl -s -o /dev/null -w "%{http_code}\\n" http://echo/sleep/700 & done; wait';
  const statuses = (await mesh.exec('caller', ['sh', '-c', command])).trim().split('\n');
  assert.equal(statuses.length, 6);
  assert.ok(statuses.includes('200') && statuses.includes('503'), statuses.join(' '));
});

test('mirrors: a copy is answered to nobody', { skip }, async () => {
  await rules({ http: [{ ...v1, mirrors: [{ destination: { host: 'echo', subset: 'v2' }, percentage: { value: 100 } }] }] });
  assert.equal((await call('/copied?id=m')).version, 'v1');
  await rules({ http: [v2] });
  await until(
    async () => (await call('/copied?id=m')).attempt >= 2,
    () => 'v2 to have seen the copy',
  );
});

test('mirrors: a percentage of requests is copied', { skip }, async () => {
  const copied = (value: number) => [{ destination: { host: 'echo', subset: 'v2' }, percentage: { value } }];
  const times = 40;
  await rules({ http: [{ ...v1, mirrors: copied(50) }] });
  for (let turn = 0; turn < times; turn++) await call('/copied?id=half');
  await rules({ http: [{ ...v1, mirrors: copied(0) }] });
  for (let turn = 0; turn < 5; turn++) await call('/copied?id=none');
  await rules({ http: [v2] });
  const copies = (await call('/copied?id=half')).attempt - 1;
  assert.ok(copies > 0 && copies < times, `${copies} of ${times}`);
  assert.equal((await call('/copied?id=none')).attempt, 1);
});
