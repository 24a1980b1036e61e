// Gateways besides the ingress: egress with TLS begun there, handed on or tunnelled, an edge behind a proxy that says who called, and
// mutual TLS handed on unopened between networks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authority, leaf, secretOf, type TestAuthority } from '../support/certificates.ts';
import { Load, withoutFailure } from '../support/load.ts';
import { gateway, gatewayPods, kept, networking, pod, secureServer, texts, type Said } from '../support/manifests.ts';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Says what headers reached it. */
const echo = `require('node:http').createServer(({ headers }, response) => response.end(JSON.stringify(headers))).listen(8080)`;

/** A proxy of somebody else's that connects where it is told, by CONNECT or in a POST, and says where that was. */
const forward = `
const { createServer } = require('node:http');
const { connect } = require('node:net');
const asked = [];
createServer((request, response) => {
  if (request.method !== 'POST') return response.end(asked.join());
  asked.push('POST ' + request.headers.host);
  const [host, port] = request.headers.host.split(':');
  const upstream = connect(Number(port), host, () => {
    response.flushHeaders();
    request.pipe(upstream).pipe(response);
  });
  upstream.on('error', () => request.destroy());
  request.on('error', () => upstream.destroy());
}).on('connect', ({ url }, socket) => {
  asked.push(url);
  const [host, port] = url.split(':');
  const upstream = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 OK\\r\\n\\r\\n');
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('error', () => upstream.destroy());
}).listen(3128);
`;

const outsider = { labels: { 'sidecar.istio.io/inject': 'false' } };
const egressHost = 'egress.istio-system.svc.cluster.local';

/** What leaves the mesh by the egress gateway: to it from every sidecar, and on from there. */
const byEgress = (host: string, tls: readonly [destination: string, port: number]) =>
  networking('VirtualService', host.replace('.', '-'), {
    hosts: [host],
    gateways: ['istio-system/egress', 'mesh'],
    tls: [
      {
        match: [{ gateways: ['mesh'], port: 443, sniHosts: [host] }],
        route: [{ destination: { host: egressHost, port: { number: 443 } } }],
      },
      {
        match: [{ gateways: ['istio-system/egress'], port: 443, sniHosts: [host] }],
        route: [{ destination: { host: tls[0], port: { number: tls[1] } } }],
      },
    ],
  });

const external = (host: string, address: string, ports: readonly object[], endpoint: string) =>
  networking('ServiceEntry', host.replace('.', '-'), {
    hosts: [host],
    addresses: [address],
    resolution: 'STATIC',
    ports,
    endpoints: [{ address: endpoint }],
  });

let mesh: RunningMesh;
let servers: TestAuthority;
let clients: TestAuthority;
const address = async (name: string): Promise<string> => (await mesh.pod(name)).address;
const partner = async (name: string) =>
  kept('Secret', 'partner', { ...secretOf(await leaf(clients, { dnsNames: [name] })), 'ca.crt': servers.pem }, 'istio-system');

before(async () => {
  if (skip !== false) return;
  [servers, clients] = [await authority('servers'), await authority('clients')];
  const settings = JSON.stringify({ gatewayTopology: { proxyProtocol: {} } });
  mesh = await startMesh({
    text: texts([
      kept('Secret', 'server', {
        ...secretOf(await leaf(servers, { dnsNames: ['server.example'] })),
        'clients.pem': clients.pem,
      }),
      await partner('partner.example'),
      secureServer,
      pod('forward', outsider, { command: [node, '-e', forward] }),
      pod('caller', { labels: { app: 'caller' } }, { command: ['sleep', 'infinity'] }),
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'echo' } },
      pod('echo', { labels: { app: 'echo' } }, { command: [node, '-e', echo] }, [], { serviceAccountName: 'echo' }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'echo' },
        spec: { selector: { app: 'echo' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      },
      ...gatewayPods('egress', [
        [80, 8080],
        [81, 8081],
        [443, 8443],
      ]),
      ...gatewayPods('edge', [[80, 8080]], { 'proxy.istio.io/config': settings }),
      ...gatewayPods('eastwest', [[15443, 15443]]),
      gateway('egress', [
        {
          port: { number: 80, name: 'https-for-origination', protocol: 'HTTPS' },
          hosts: ['*/secure.example'],
          tls: { mode: 'ISTIO_MUTUAL' },
        },
        { port: { number: 81, name: 'http', protocol: 'HTTP' }, hosts: ['*/simple.example'] },
        { port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts: ['*/*.example'], tls: { mode: 'PASSTHROUGH' } },
      ]),
      gateway('edge', [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }]),
      gateway('eastwest', [
        { port: { number: 15443, name: 'tls', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } },
      ]),
      networking('VirtualService', 'edge', {
        hosts: ['*'],
        gateways: ['istio-system/edge'],
        http: [{ route: [{ destination: { host: 'echo' } }] }],
      }),
      networking('DestinationRule', 'egress', {
        host: egressHost,
        subsets: [
          { name: 'plain' },
          {
            name: 'secure',
            trafficPolicy: {
              portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'ISTIO_MUTUAL', sni: 'secure.example' } }],
            },
          },
        ],
      }),
      networking('VirtualService', 'secure', {
        hosts: ['secure.example'],
        gateways: ['istio-system/egress', 'mesh'],
        http: [
          {
            match: [{ gateways: ['mesh'], port: 80 }],
            route: [{ destination: { host: egressHost, subset: 'secure', port: { number: 80 } } }],
          },
          {
            match: [{ gateways: ['istio-system/egress'], port: 80 }],
            route: [{ destination: { host: 'secure.example', port: { number: 443 } } }],
          },
        ],
      }),
      networking(
        'DestinationRule',
        'originate',
        {
          host: 'secure.example',
          trafficPolicy: {
            portLevelSettings: [
              {
                port: { number: 443 },
                tls: { mode: 'MUTUAL', credentialName: 'partner', sni: 'server.example', subjectAltNames: ['server.example'] },
              },
            ],
          },
        },
        'istio-system',
      ),
      byEgress('direct.example', ['direct.example', 443]),
      byEgress('tunnelled.example', ['forward.example', 3128]),
      byEgress('posted.example', ['poster.example', 3128]),
      kept('Secret', 'servers', { 'ca.crt': servers.pem }, 'istio-system'),
      networking('VirtualService', 'simple', {
        hosts: ['simple.example'],
        gateways: ['istio-system/egress', 'mesh'],
        http: [
          {
            match: [{ gateways: ['mesh'], port: 80 }],
            route: [{ destination: { host: egressHost, subset: 'plain', port: { number: 81 } } }],
          },
          {
            match: [{ gateways: ['istio-system/egress'], port: 81 }],
            route: [{ destination: { host: 'simple.example', port: { number: 443 } } }],
          },
        ],
      }),
      networking(
        'DestinationRule',
        'simple',
        {
          host: 'simple.example',
          trafficPolicy: {
            portLevelSettings: [
              { port: { number: 443 }, tls: { mode: 'SIMPLE', credentialName: 'servers', sni: 'server.example' } },
            ],
          },
        },
        'istio-system',
      ),
      networking('DestinationRule', 'far', {
        host: 'far.example',
        trafficPolicy: {
          tls: {
            mode: 'ISTIO_MUTUAL',
            sni: 'outbound_.80_._.echo.default.svc.cluster.local',
            subjectAltNames: ['spiffe://cluster.local/ns/default/sa/echo'],
          },
        },
      }),
    ]),
  });
  const secure = await address('secure');
  const tls = { number: 443, name: 'tls', protocol: 'TLS', targetPort: 8443 };
  await mesh.apply(
    texts([
      external(
        'secure.example',
        '240.240.8.1',
        [
          { number: 80, name: 'http', protocol: 'HTTP' },
          { number: 443, name: 'https', protocol: 'HTTPS', targetPort: 8443 },
        ],
        secure,
      ),
      external(
        'simple.example',
        '240.240.8.6',
        [
          { number: 80, name: 'http', protocol: 'HTTP' },
          { number: 443, name: 'https', protocol: 'HTTPS', targetPort: 8443 },
        ],
        secure,
      ),
      external('posted.example', '240.240.8.7', [tls], '192.0.2.2'),
      external('poster.example', '240.240.8.8', [{ number: 3128, name: 'tcp', protocol: 'TCP' }], await address('forward')),
      networking(
        'DestinationRule',
        'poster',
        {
          host: 'poster.example',
          trafficPolicy: { tunnel: { protocol: 'POST', targetHost: secure, targetPort: 8443 } },
        },
        'istio-system',
      ),
      external('direct.example', '240.240.8.2', [tls], secure),
      external('tunnelled.example', '240.240.8.3', [tls], '192.0.2.1'),
      external('forward.example', '240.240.8.4', [{ number: 3128, name: 'tcp', protocol: 'TCP' }], await address('forward')),
      networking(
        'DestinationRule',
        'tunnel',
        {
          host: 'forward.example',
          trafficPolicy: { tunnel: { protocol: 'CONNECT', targetHost: secure, targetPort: 8443 } },
        },
        'istio-system',
      ),
      networking('ServiceEntry', 'far', {
        hosts: ['far.example'],
        addresses: ['240.240.8.5'],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 15443 }],
        endpoints: [{ address: await address('eastwest') }],
      }),
    ]),
  );
});

after(() => mesh?.[Symbol.asyncDispose]());

/** Calls until the body has these words. */
async function answers(words: RegExp, ...call: readonly string[]): Promise<string> {
  let last = { status: 0, body: '' };
  return until(
    async () => {
      last = await mesh.curl('caller', ...call);
      return last.status === 200 && words.test(last.body) && last.body;
    },
    () => `${String(words)} from ${call.join(' ')}; the last answer was ${last.status} ${last.body}`,
  );
}

/** How often the egress gateway has connected to a cluster. */
async function throughEgress(cluster: string): Promise<number> {
  const lines = (await mesh.admin((await mesh.pod('egress')).name, '/clusters', 'istio-system')).split('\n');
  const counts = lines.filter((line) => line.startsWith(`${cluster}::`) && line.includes('::cx_total::'));
  return counts.reduce((sum, line) => sum + Number(line.split('::').at(-1)), 0);
}

test(
  'plain HTTP goes to the egress gateway in mutual TLS of the mesh, and on from there in TLS of a Secret',
  { skip },
  async () => {
    const said = JSON.parse(await answers(/partner\.example/, 'http://secure.example/path')) as Said;
    assert.deepEqual(said, { url: '/path', sni: 'server.example', client: 'DNS:partner.example' });
    assert.ok((await throughEgress('outbound|443||secure.example')) > 0);
  },
);

test("the Secret is renewed while the gateway's callers go on, and none of them notices", { skip }, async () => {
  const load = new Load(mesh, 'http://secure.example/load', { from: 'caller' });
  await withoutFailure(load, async () => {
    for (const name of ['first.example', 'second.example', 'third.example', 'fourth.example', 'fifth.example']) {
      await mesh.apply(texts([await partner(name)]));
      await answers(new RegExp(name), 'http://secure.example/path');
    }
  });
});

test("the caller's own TLS passes the egress gateway unopened", { skip }, async () => {
  const said = JSON.parse(await answers(/direct/, '-k', 'https://direct.example/path')) as Said;
  assert.deepEqual(said, { url: '/path', sni: 'direct.example', client: '' });
  assert.ok((await throughEgress('outbound|443||direct.example')) > 0);
});

test('the egress gateway tunnels through a proxy that knows CONNECT', { skip }, async () => {
  const said = JSON.parse(await answers(/tunnelled/, '-k', 'https://tunnelled.example/path')) as Said;
  assert.equal(said.sni, 'tunnelled.example');
  const asked = await mesh.exec('forward', ['curl', '-s', 'http://127.0.0.1:3128/']);
  assert.ok(asked.split(',').includes(`${await address('secure')}:8443`), asked);
});

test('the egress gateway tunnels in the body of a POST', { skip }, async () => {
  const said = JSON.parse(await answers(/posted/, '-k', 'https://posted.example/path')) as Said;
  assert.equal(said.sni, 'posted.example');
  const asked = await mesh.exec('forward', ['curl', '-s', 'http://127.0.0.1:3128/']);
  assert.ok(asked.split(',').includes(`POST ${await address('secure')}:8443`), asked);
});

test('the egress gateway begins TLS, trusting a Secret with an authority alone', { skip }, async () => {
  const said = JSON.parse(await answers(/server\.example/, 'http://simple.example/path')) as Said;
  assert.deepEqual(said, { url: '/path', sni: 'server.example', client: '' });
  assert.ok((await throughEgress('outbound|443||simple.example')) > 0);
});

/** Bytes said to a port, and all that came back. */
const talk = `
const [host, port, text] = process.argv.slice(1);
const socket = require('node:net').connect(Number(port), host, () => socket.write(JSON.parse(text), 'latin1'));
socket.pipe(process.stdout);
socket.on('error', () => undefined);
`;

test('a gateway behind a proxy learns from its PROXY header who called, and takes nothing without one', { skip }, async () => {
  const edge = await address('edge');
  const request = 'GET / HTTP/1.1\r\nHost: echo.example\r\nConnection: close\r\n\r\n';
  const say = (text: string) => mesh.exec('secure', [node, '-e', talk, edge, '8080', JSON.stringify(text)]);
  const answer = await say(`PROXY TCP4 203.0.113.7 198.51.100.1 4000 80\r\n${request}`);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  const headers = JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '{}') as Record<string, string>;
  assert.equal(headers['x-forwarded-for'], '203.0.113.7');
  assert.equal(headers['x-envoy-external-address'], '203.0.113.7');
  assert.equal(await say(request), '');
});

test('the same by the second version of the header', { skip }, async () => {
  const edge = await address('edge');
  const request = 'GET / HTTP/1.1\r\nHost: echo.example\r\nConnection: close\r\n\r\n';
  const signature = '\r\n\r\n\0\r\nQUIT\n';
  // PROXY over TCP and IPv4, 12 bytes: 203.0.113.8:4000 to 198.51.100.1:80.
  const bytes = [0x21, 0x11, 0, 12, 203, 0, 113, 8, 198, 51, 100, 1, 0x0f, 0xa0, 0, 80];
  const header = `${signature}${String.fromCharCode(...bytes)}`;
  const answer = await mesh.exec('secure', [node, '-e', talk, edge, '8080', JSON.stringify(`${header}${request}`)]);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  const headers = JSON.parse(/\{.*\}/.exec(answer)?.[0] ?? '{}') as Record<string, string>;
  assert.equal(headers['x-forwarded-for'], '203.0.113.8');
});

test('an east-west gateway hands mutual TLS on: the server at its other end sees the caller', { skip }, async () => {
  const headers = JSON.parse(await answers(/forwarded-client-cert/, 'http://far.example/')) as Record<string, string>;
  const told = headers['x-forwarded-client-cert'] ?? '';
  assert.match(told, /By=spiffe:\/\/cluster\.local\/ns\/default\/sa\/echo;/);
  assert.match(told, /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/default$/);
});
