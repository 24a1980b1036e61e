// Requests that happened: what both proxies record of them, and what `lateen why` makes of it, for each way in which one can fail.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { HappenedAnswer, HappenedHop, RequestsAnswer, ScopeAnswer } from '../../src/control/api/contract.ts';
import type { AccessRecord } from '../../src/telemetry/record.ts';
import type { RequestRow } from '../../src/telemetry/request-row.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const server = `
require('http').createServer((q, s) => {
  if (q.url.startsWith('/slow')) return;
  if (q.url.startsWith('/cut')) return q.socket.destroy();
  s.statusCode = q.url.startsWith('/500') ? 500 : 200;
  s.end('hello');
}).listen(8080);
require('net').createServer((s) => { s.on('error', () => {}); s.end('banner'); }).listen(9000);
`;

const container = (name: string, command: readonly string[], more: object = {}) => ({
  containers: [{ name, image: 'curlimages/curl', command, ...more }],
});
const sleeping = ['sleep', 'infinity'];
const service = (name: string, app: string, ports: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app }, ports },
});
const pod = (name: string, spec: object, labels: object = {}, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, ...labels }, annotations },
  spec,
});
const toEcho = (rest: object, destination: object = {}) => ({
  ...rest,
  route: [{ destination: { host: 'echo', port: { number: 80 }, ...destination } }],
});
const at = (prefix: string) => ({ name: prefix.slice(1), match: [{ uri: { prefix } }] });

const given = [
  pod('echo', container('echo', [node, '-e', server], { readinessProbe: { tcpSocket: { port: 8080 } } })),
  pod('strict', container('strict', [node, '-e', server], { readinessProbe: { tcpSocket: { port: 8080 } } })),
  pod('caller', container('caller', sleeping)),
  pod('visitor', container('visitor', sleeping)),
  pod('guarded', container('guarded', sleeping), { may: 'declared' }),
  pod('told', container('told', sleeping), { may: 'declared' }, { 'lateen.dev/delivery': 'eager' }),
  pod('outsider', container('outsider', sleeping), { 'sidecar.istio.io/inject': 'false' }),
  service('echo', 'echo', [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'http-dead', port: 81, targetPort: 7777 },
    { name: 'tcp', port: 9000 },
  ]),
  service('strict', 'strict', [{ name: 'http', port: 80, targetPort: 8080 }]),
  service('other', 'strict', [{ name: 'http', port: 80, targetPort: 8080 }]),
  service('empty', 'nobody', [
    { name: 'http', port: 80 },
    { name: 'tcp', port: 9001 },
  ]),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'declared' },
    spec: {
      workloadSelector: { labels: { may: 'declared' } },
      egress: [{ hosts: ['*/*'] }],
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'edge', namespace: 'istio-system' },
    spec: {
      selector: { matchLabels: { istio: 'ingressgateway' } },
      action: 'ALLOW',
      rules: [
        { to: [{ operation: { paths: ['/ok*', '/nothing*'] } }] },
        { when: [{ key: 'request.headers[x-staff]', values: ['yes'] }] },
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'echo' },
    spec: {
      hosts: ['echo'],
      http: [
        { ...toEcho(at('/fault')), fault: { abort: { httpStatus: 555, percentage: { value: 100 } } } },
        { ...toEcho(at('/slow')), timeout: '0.3s' },
        toEcho(at('/subset'), { subset: 'v2' }),
        toEcho(at('/dead'), { port: { number: 81 } }),
        ...['/ok', '/500', '/cut', '/admin'].map((prefix) => toEcho(at(prefix))),
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge' },
    spec: {
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['shop.example'] }],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'edge' },
    spec: { hosts: ['shop.example'], gateways: ['edge'], http: [toEcho(at('/ok'))] },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'echo' },
    spec: { host: 'echo', subsets: [{ name: 'v2', labels: { version: 'v2' } }] },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'strict' },
    spec: { host: 'strict', trafficPolicy: { tls: { mode: 'DISABLE' } } },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'other' },
    spec: {
      host: 'other',
      trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL', subjectAltNames: ['spiffe://cluster.local/ns/default/sa/somebody'] } },
    },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'strict' },
    spec: { selector: { matchLabels: { app: 'strict' } }, mtls: { mode: 'STRICT' } },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'no-admin' },
    spec: {
      selector: { matchLabels: { app: 'echo' } },
      action: 'DENY',
      rules: [{ to: [{ operation: { ports: ['8080'], paths: ['/admin*'] } }] }],
    },
  },
];

let mesh: RunningMesh;
before(async () => {
  if (skip === false) mesh = await startMesh({ text: given.map((each) => JSON.stringify(each)).join('\n---\n') });
});
after(async () => mesh?.[Symbol.asyncDispose]());

/** Whether it succeeds is what its record says. */
const run = (workload: string, command: readonly string[]) => mesh.lateen(['exec', workload, '--', ...command]);

async function listed(...args: string[]): Promise<RequestsAnswer> {
  const { code, stdout, stderr } = await mesh.lateen(['requests', '-o', 'json', ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as RequestsAnswer;
}

/** Asks under an id of its own, and what `why` says of that id, once all have told that are expected to. */
const hopOf = (url: string, isWhole: (row: RequestRow) => boolean, ...args: string[]): Promise<HappenedHop> =>
  hopFrom('caller', url, isWhole, ...args);

async function hopFrom(
  workload: string,
  url: string,
  isWhole: (row: RequestRow) => boolean,
  ...args: string[]
): Promise<HappenedHop> {
  const id = randomUUID();
  await run(workload, ['curl', '-s', '-m', '5', '-o', '/dev/null', '-H', `x-request-id: ${id}`, ...args, url]);
  let last: HappenedHop | undefined;
  const ask = async () => {
    const { code, stdout } = await mesh.lateen(['why', id, '-o', 'json']);
    last = code === 0 ? (JSON.parse(stdout) as HappenedAnswer).hops[0] : undefined;
    return last?.row.caller !== undefined && isWhole(last.row) && last;
  };
  return until(ask, () => `the records of ${url}; there is ${JSON.stringify(last?.row)}`);
}

const originsOf = ({ cause }: HappenedHop): readonly string[] =>
  (cause?.origins ?? []).map(({ object, path }) => (path === '' ? object : `${object}#${path}`));

test('a request that went well is told by both proxies, without its query', { skip }, async () => {
  const { row, steps, cause } = await hopOf(
    'http://echo/ok?token=open-sesame',
    ({ destination }) => destination !== undefined,
    '-H',
    'authorization: Bearer open-sesame',
  );
  assert.partialDeepStrictEqual(row, {
    from: 'caller.default',
    to: 'echo.default',
    method: 'GET',
    authority: 'echo',
    path: '/ok',
    code: 200,
    failed: false,
  });
  assert.equal(cause, undefined);
  const caller = await mesh.pod('caller');
  assert.partialDeepStrictEqual(row.caller, {
    side: 'outbound',
    route: 'ok',
    routeOrigin: 'VirtualService/default/echo#spec.http[4].match[0]',
    virtualHost: 'echo.default.svc.cluster.local:80',
    virtualHostOrigin: 'Service/default/echo',
    cluster: 'outbound|80||echo.default.svc.cluster.local',
    destinationIdentity: 'spiffe://cluster.local/ns/default/sa/default',
  });
  assert.partialDeepStrictEqual(row.destination, {
    side: 'inbound',
    callerIdentity: 'spiffe://cluster.local/ns/default/sa/default',
    chainOrigin: 'Service/default/echo',
  });
  assert.ok(row.destination?.remote.startsWith(`${caller.address}:`));
  assert.ok(steps.some(({ origins }) => origins.some(({ place }) => /given\.yaml:\d+$/.test(place ?? ''))));
  assert.doesNotMatch(JSON.stringify(await listed('--tail', '1000')), /open-sesame/);
});

const failures: Readonly<
  Record<string, readonly [url: string, code: number, flags: readonly string[], says: RegExp, origin: string | undefined]>
> = {
  'no rule matches': [
    'http://echo/nothing',
    404,
    ['NR'],
    /no rule for echo\.default.* matches GET \/nothing/,
    'VirtualService/default/echo',
  ],
  'a service without endpoints': ['http://empty/', 503, ['UH'], /empty\.default has no endpoints/, 'Service/default/empty'],
  'a subset without endpoints': [
    'http://echo/subset',
    503,
    ['UH'],
    /subset v2 of echo\.default has no endpoints/,
    'DestinationRule/default/echo#spec.subsets[0]',
  ],
  'nothing listens': [
    'http://echo/dead',
    503,
    ['UF'],
    /could not connect to its own application at .*:7777: nothing listens/,
    'Service/default/echo',
  ],
  'nothing is at an address': ['http://10.244.255.250/', 503, ['UF'], /could not connect to 10\.244\.255\.250/, undefined],
  'a policy denies': [
    'http://echo/admin',
    403,
    [],
    /a DENY rule of AuthorizationPolicy\/default\/no-admin matches this request of caller\.default/,
    'AuthorizationPolicy/default/no-admin#spec.rules[0]',
  ],
  'a timeout': [
    'http://echo/slow',
    504,
    ['UT'],
    /had not answered after \d+ ms/,
    'VirtualService/default/echo#spec.http[1].match[0]',
  ],
  'a fault': [
    'http://echo/fault',
    555,
    ['FI'],
    /a fault of the rule aborted it with 555/,
    'VirtualService/default/echo#spec.http[0].fault.abort',
  ],
  'the application answers 500': ['http://echo/500', 500, [], /the application of echo\.default itself answered 500/, undefined],
  'the application hangs up': [
    'http://echo/cut',
    503,
    ['UC'],
    /the application of echo\.default closed the connection/,
    undefined,
  ],
  'plaintext at a STRICT port': [
    'http://strict/',
    503,
    ['UC', 'NR'],
    /strict\.default takes only mutual TLS there, and caller\.default came without it/,
    'PeerAuthentication/default/strict#spec.mtls',
  ],
  'another identity than expected': [
    'http://other/',
    503,
    ['UF'],
    /TLS handshake failed.*another identity.*spiffe:\/\/cluster\.local\/ns\/default\/sa\/default/,
    'DestinationRule/default/other',
  ],
};

for (const [name, [url, code, flags, says, origin]] of Object.entries(failures)) {
  test(`why: ${name}`, { skip }, async () => {
    const arrives = flags.length === 0;
    const hop = await hopOf(
      url,
      (row) => flags.every((flag) => row.flags.includes(flag)) && (!arrives || row.destination !== undefined),
    );
    assert.equal(hop.row.code, code, JSON.stringify(hop.row));
    assert.match(hop.cause?.says ?? '', says);
    if (origin !== undefined)
      assert.ok(
        originsOf(hop).some((each) => each.startsWith(origin)),
        originsOf(hop).join(),
      );
    const failed = await listed('--failed', '--from', 'caller', '--tail', '1000');
    assert.ok(failed.some(({ id }) => id === hop.row.id));
  });
}

const closed = /is not registered: nobody declared this destination/;

for (const [workload, delivery] of [
  ['guarded', 'on demand'],
  ['told', 'eager'],
] as const) {
  test(`why: a host and an address that nobody registered, ${delivery}`, { skip }, async () => {
    const { row, cause } = await hopFrom(workload, 'http://10.244.255.250/', () => true, '-H', 'host: shop.example');
    assert.equal(row.code, 502);
    assert.match(cause?.says ?? '', /^host shop\.example /);
    assert.match(cause?.says ?? '', closed);
    await run(workload, ['curl', '-s', '-m', '5', 'telnet://10.244.255.250:9999']);
    const found = await until(
      async () => (await listed('--failed', '--from', workload)).findLast(({ kind }) => kind === 'connection'),
      () => 'the refused connection',
    );
    const { stdout } = await mesh.lateen(['why', found.id]);
    assert.match(stdout, /why {2}address 10\.244\.255\.250:9999 is not registered/);
  });
}

test(
  'why: a connection to a service that nobody serves names the service, though it was called by its address',
  { skip },
  async () => {
    await run('caller', ['curl', '-s', '-m', '5', 'telnet://empty:9001']);
    const found = await until(
      async () => (await listed('--failed', '--from', 'caller', '--to', 'empty')).findLast(({ kind }) => kind === 'connection'),
      () => 'the connection that reached nobody',
    );
    assert.equal(found.to, 'empty.default');
    const { stdout } = await mesh.lateen(['why', found.id]);
    assert.match(stdout, /why {2}empty\.default has no endpoints\n +Service\/default\/empty/);
  },
);

test('why: the rules that a gateway considered, and what each asks for', { skip }, async () => {
  const { status } = await mesh.get('/secret', { headers: { host: 'shop.example' } });
  assert.equal(status, 403);
  const { id } = await until(
    async () => (await listed('--from', 'istio-ingressgateway')).findLast((row) => row.path === '/secret'),
    () => 'the record',
  );
  const { stdout } = await mesh.lateen(['why', id]);
  assert.match(
    stdout,
    /why {2}istio-ingressgateway\.istio-system has ALLOW policies, and no rule of them allows this request of/,
  );
  assert.match(stdout, /\n +AuthorizationPolicy\/istio-system\/edge spec\.rules\[0\] \(.*given\.yaml:\d+\)/);
  assert.match(stdout, /AuthorizationPolicy istio-system\/edge, rule 1 asks for path .*; the request has path "?\/secret/);
  assert.match(stdout, /rule 2 asks for header x-staff .*\n +headers, queries and tokens are not recorded/);
});

test('a connection from outside the mesh that STRICT refuses is recorded where it was refused', { skip }, async () => {
  const { address } = await mesh.pod('strict');
  const outside = (await mesh.pod('outsider')).address;
  await run('outsider', ['curl', '-s', '-m', '5', `http://${address}:8080/`]);
  const found = await until(
    async () => (await listed('--failed', '--to', 'strict', '--from', outside)).at(-1),
    () => 'the refused connection',
  );
  assert.partialDeepStrictEqual(found, { kind: 'connection', flags: ['NR'], failed: true });
  const { stdout } = await mesh.lateen(['why', found.id]);
  assert.match(stdout, /why {2}strict\.default takes only mutual TLS there/);
  assert.match(stdout, /PeerAuthentication\/default\/strict spec\.mtls\.mode \(.*given\.yaml:\d+\)/);
});

test('a gateway is the caller of what comes from outside', { skip }, async () => {
  const through = async (path: string) => {
    await mesh.get(path, { headers: { host: 'shop.example' } });
    return until(
      async () => (await listed('--from', 'istio-ingressgateway')).findLast((row) => row.path === path),
      () => `the record of ${path}`,
    );
  };
  const arrived = await through('/ok/outside');
  assert.partialDeepStrictEqual(arrived, { from: 'istio-ingressgateway.istio-system', code: 200 });
  assert.partialDeepStrictEqual(arrived.caller, {
    side: 'gateway',
    chainOrigin: 'Gateway/default/edge#spec.servers[~http]',
    routeOrigin: 'VirtualService/default/edge#spec.http[0].match[0]',
  });
  const { id } = await through('/nothing/outside');
  const { stdout } = await mesh.lateen(['why', id]);
  assert.match(stdout, /why {2}no rule for shop\.example matches GET \/nothing\/outside\n +VirtualService\/default\/edge/);
});

test('a TCP connection is joined from both ends', { skip }, async () => {
  await run('caller', ['curl', '-s', '-m', '5', 'telnet://echo:9000']);
  const found = await until(
    async () =>
      (await listed('--from', 'caller', '--to', 'echo')).findLast(
        ({ kind, destination }) => kind === 'connection' && destination,
      ),
    () => 'the connection',
  );
  assert.partialDeepStrictEqual(found, { protocol: 'TCP', failed: false, sent: 6 });
  assert.equal(found.destination?.remote, found.caller?.upstreamLocal);
  const { code, stdout } = await mesh.lateen(['why', found.id.slice(0, 12)]);
  assert.equal(code, 0);
  assert.match(stdout, /cluster outbound\|9000\|\|\S+\n +Service\/default\/echo/);
});

test('requests are followed as they end, and chosen by how and between whom', { skip }, async () => {
  const rows: RequestRow[] = [];
  let rest = '';
  const following = mesh.begin(['requests', '-w', '-o', 'json', '--failed', '--to', 'echo.default']);
  following.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    rows.push(...lines.map((line) => JSON.parse(line) as RequestRow));
  });
  try {
    const seen = () => rows.map(({ path, code }) => `${path} ${code}`);
    await until(
      async () => {
        await run('caller', ['curl', '-s', '-o', '/dev/null', 'http://echo/500']);
        return seen().includes('/500 500');
      },
      () => `the failure to be told; there were ${seen().join()}`,
    );
    await run('caller', [
      'curl',
      '-s',
      '-o',
      '/dev/null',
      'http://echo/ok/unseen',
      'http://empty/unseen',
      'http://echo/500/last',
    ]);
    await until(
      () => seen().includes('/500/last 500'),
      () => `the last one; there were ${seen().join()}`,
    );
    assert.deepEqual(
      seen().filter((each) => each.includes('unseen')),
      [],
    );
  } finally {
    following.kill('SIGINT');
  }
});

test('what nobody knows, and what several begin with, is said', { skip }, async () => {
  const unknown = await mesh.lateen(['why', 'ffffffff-0000-4000-8000-000000000000']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no request ffffffff-0000-4000-8000-000000000000 is known/);
  const prefix = randomUUID().slice(0, 20);
  for (const end of ['a', 'b']) {
    const id = `${prefix}${end}${randomUUID().slice(21)}`;
    await run('caller', ['curl', '-s', '-o', '/dev/null', '-H', `x-request-id: ${id}`, 'http://echo/ok']);
  }
  const said = await until(
    async () => {
      const { code, stderr } = await mesh.lateen(['why', prefix]);
      return code === 1 && !stderr.includes('is known') && stderr;
    },
    () => 'both to be recorded',
  );
  assert.match(said, /2 requests begin with/);
});

test(
  'scope tells what a workload has called; its Sidecar keeps that, with its rules, and takes the rest away',
  { skip },
  async () => {
    const ask = async (url: string) => (await mesh.curl('visitor', url)).status;
    assert.equal(await ask('http://echo/ok'), 200);
    await run('visitor', ['curl', '-s', '-m', '5', 'telnet://echo:9000']);
    const scope = async (...args: string[]) => mesh.lateen(['scope', 'visitor', ...args]);
    const told = await until(
      async () => {
        const { stdout } = await scope('-o', 'json');
        const answer = JSON.parse(stdout) as ScopeAnswer;
        return answer.services[0]?.ports.length === 2 && answer;
      },
      () => 'both calls to be told',
    );
    assert.deepEqual(
      told.services.map(({ host, namespace, ports }) => [host, namespace, ports]),
      [['echo.default.svc.cluster.local', 'default', [80, 9000]]],
    );
    assert.deepEqual([told.selector, told.sidecars, told.outside], [{ app: 'visitor' }, [], []]);
    const table = await scope();
    assert.match(table.stdout, /echo\.default\.svc\.cluster\.local +default +80,9000/);
    assert.match(table.stderr, /visitor\.default has called one service since its proxy started/);

    const callOf = async (url: string): Promise<AccessRecord> => {
      const id = randomUUID();
      await run('visitor', ['curl', '-s', '-m', '5', '-o', '/dev/null', '-H', `x-request-id: ${id}`, url]);
      return until(
        async () => (await listed('--from', 'visitor', '--tail', '1000')).find((row) => row.id === id)?.caller,
        () => `the record of ${url}`,
      );
    };
    const { address } = await mesh.pod('strict');
    assert.equal((await callOf('http://other/')).endpoint, `${address}:8080`);
    // As it was before that call.
    const { stdout: yaml } = await scope('-o', 'yaml');
    const sidecar = yaml.replace(/ *- \.\/other\.default\.svc\.cluster\.local\n/, '');
    assert.notEqual(sidecar, yaml);
    assert.equal((await mesh.lateen(['apply', '-f', '-'], { input: sidecar })).code, 0);
    assert.equal((await mesh.lateen(['wait', 'sidecar/visitor'])).code, 0);

    await until(
      async () => {
        // Passed on as it was dialled: what stands behind that the proxy does not know any more.
        const { endpoint, local } = await callOf('http://other/');
        return endpoint === local;
      },
      () => 'the other service to be out of sight',
    );
    assert.equal(await ask('http://echo/ok'), 200);
    assert.equal(await ask('http://echo/fault'), 555);
    assert.equal((await callOf('http://echo/ok')).cluster, 'outbound|80||echo.default.svc.cluster.local');
    assert.match((await run('visitor', ['curl', '-s', '-m', '5', 'telnet://echo:9000'])).stdout, /banner/);
    assert.match((await mesh.lateen(['scope', 'istio-ingressgateway', '-n', 'istio-system'])).stderr, /is a gateway/);
    assert.match((await scope()).stderr, /visitor has a Sidecar already \(default\/visitor\)/);
  },
);
