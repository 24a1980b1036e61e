// A gateway as compiled, on the real Envoy: hosts, server names, certificates from Secrets, TLS handed on, plain TCP, a redirect.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '../../src/api/decode.ts';
import { originOf, type ApiObject } from '../../src/api/object.ts';
import { writeLeaf, writeRoot, type Signer } from '../../src/ca/x509.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { freePort, startEnvoy, until } from '../support/xds/real-envoy.ts';

const validity = { notBefore: new Date('2020-01-01'), notAfter: new Date('2099-01-01') };

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyText = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();

async function authority(organization: string): Promise<Signer & { readonly pem: string }> {
  const { privateKey } = pair();
  const pem = await writeRoot(privateKey, { organization, ...validity });
  return { key: privateKey, certificate: new X509Certificate(pem), pem };
}

async function leaf(signer: Signer, ...dnsNames: string[]): Promise<{ cert: string; key: string }> {
  const { privateKey, publicKey } = pair();
  return { cert: await writeLeaf(signer, { publicKey, dnsNames, ...validity }), key: keyText(privateKey) };
}

const object = (document: Record<string, unknown>): ApiObject => {
  const decoded = decode(document as Parameters<typeof decode>[0], originOf('test'));
  assert.ok(decoded.object, decoded.diagnostics.map(({ message }) => message).join('; '));
  return decoded.object;
};

const networking = (kind: string, name: string, spec: object): ApiObject =>
  object({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace: 'edge' }, spec });

const secret = (name: string, stringData: Record<string, string>): ApiObject =>
  object({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'edge' }, stringData });

/** A service of the outside at a port of this machine. */
const external = (host: string, protocol: string, port: number): ApiObject =>
  networking('ServiceEntry', host.replaceAll('.', '-'), {
    hosts: [host],
    resolution: 'STATIC',
    ports: [{ number: 80, name: 'main', protocol, targetPort: port }],
    endpoints: [{ address: '127.0.0.1' }],
  });

/** What is asked for at /two goes there, everything else to one. */
const rules = (name: string, gateway: string, others: object = {}): ApiObject =>
  networking('VirtualService', name, {
    hosts: ['*.example'],
    gateways: [gateway],
    http: [
      { match: [{ uri: { prefix: '/two' } }], route: [{ destination: { host: 'two.backend' } }] },
      { route: [{ destination: { host: 'one.backend' } }] },
    ],
    ...others,
  });

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

function ask(port: number, host: string, path = '/', tls?: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { host }, agent: false, timeout: 10_000 };
    const call = tls === undefined ? httpRequest(options) : httpsRequest({ ...options, servername: host, ...tls });
    call.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => void (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, location: response.headers.location }));
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end();
  });
}

const echo = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text));
    let said = '';
    socket.setEncoding('utf8').on('data', (part: string) => void (said += part));
    socket.on('close', () => resolve(said)).on('error', reject);
  });

describe('a gateway on the real Envoy', { timeout: 90_000 }, () => {
  const stack = new AsyncDisposableStack();
  const store = new Store();
  let ports: Record<'http' | 'https' | 'passthrough' | 'tcp' | 'late', number>;
  let trusted: Signer & { readonly pem: string };
  let clients: Signer & { readonly pem: string };

  const serve = async (server: Server): Promise<number> => {
    stack.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    return listen(server);
  };

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-gateway-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    [trusted, clients] = [await authority('servers'), await authority('clients')];
    const own = await leaf(trusted, 'own.example');
    const backends = {
      one: await serve(createHttpServer((_request, response) => response.setHeader('connection', 'close').end('one'))),
      two: await serve(createHttpServer((_request, response) => response.setHeader('connection', 'close').end('two'))),
      own: await serve(createHttpsServer(own, (_request, response) => response.setHeader('connection', 'close').end('own'))),
      tcp: await serve(createTcpServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket))),
    };
    const [http, https, passthrough, tcp, late] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()]);
    ports = { http, https, passthrough, tcp, late };
    const site = await leaf(trusted, 'a.example');
    const guarded = await leaf(trusted, 'guarded.example');
    const gateway = networking('Gateway', 'gateway', {
      selector: { istio: 'ingressgateway' },
      servers: [
        { port: { number: http, name: 'http', protocol: 'HTTP' }, hosts: ['a.example', 'edge/b.example', 'other/c.example'] },
        { port: { number: http, name: 'moved', protocol: 'HTTP' }, hosts: ['moved.example'], tls: { httpsRedirect: true } },
        {
          port: { number: https, name: 'https', protocol: 'HTTPS' },
          hosts: ['a.example'],
          tls: { mode: 'SIMPLE', credentialName: 'site' },
        },
        {
          port: { number: https, name: 'guarded', protocol: 'HTTPS' },
          hosts: ['guarded.example'],
          tls: { mode: 'MUTUAL', credentialName: 'guarded' },
        },
        { port: { number: passthrough, name: 'tls', protocol: 'TLS' }, hosts: ['*.example'], tls: { mode: 'PASSTHROUGH' } },
        { port: { number: tcp, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
      ].map((server) => ({ bind: '127.0.0.1', ...server })),
    });
    const everything = [
      gateway,
      external('one.backend', 'HTTP', backends.one),
      external('two.backend', 'HTTP', backends.two),
      external('own.backend', 'TLS', backends.own),
      external('tcp.backend', 'TCP', backends.tcp),
      secret('site', { 'tls.crt': site.cert, 'tls.key': site.key }),
      secret('guarded', { cert: guarded.cert, key: guarded.key, cacert: clients.pem }),
      rules('sites', 'gateway', {
        tls: [{ match: [{ sniHosts: ['own.example'] }], route: [{ destination: { host: 'own.backend' } }] }],
        tcp: [{ match: [{ port: tcp }], route: [{ destination: { host: 'tcp.backend' } }] }],
      }),
    ];
    store.transaction(() => {
      for (const each of everything) store.upsert(each);
    });
    const path = join(folder, 'xds');
    const ads = adsHandlers({ compiler: createCompiler(store), authorize: () => ({ identity: 'test' }) });
    stack.use(ads);
    const server = await serveGrpc({ handlers: ads.handlers, listen: { path } });
    stack.defer(() => server.close());
    const node = {
      id: 'router~127.0.0.1~gw-1.edge~edge.svc.cluster.local',
      cluster: 'gateway',
      metadata: { NAMESPACE: 'edge', LABELS: { istio: 'ingressgateway' } },
    };
    stack.use(await startEnvoy(folder, path, 'delta', node));
    await until(async () => (await ask(ports.http, 'a.example').catch(() => undefined))?.status === 200);
    await until(
      async () => (await ask(ports.https, 'a.example', '/', { ca: trusted.pem }).catch(() => undefined))?.status === 200,
    );
  });

  after(() => stack.disposeAsync());

  it('tells hosts apart, and keeps what is bound by namespace to it', async () => {
    assert.equal((await ask(ports.http, 'a.example')).body, 'one');
    assert.equal((await ask(ports.http, `b.example:${ports.http}`, '/two')).body, 'two');
    assert.equal((await ask(ports.http, 'c.example')).status, 404);
    assert.equal((await ask(ports.http, 'nobody.example')).status, 404);
  });

  it('sends a host to HTTPS, and no other', async () => {
    const { status, location } = await ask(ports.http, 'moved.example', '/page');
    assert.deepEqual([status, location], [301, 'https://moved.example/page']);
  });

  it('ends TLS with the certificate of a Secret, and resets what asks for other names', async () => {
    assert.equal((await ask(ports.https, 'a.example', '/two', { ca: trusted.pem })).body, 'two');
    await assert.rejects(ask(ports.https, 'nobody.example', '/', { ca: trusted.pem }), /socket|ECONNRESET/);
  });

  it('lets in only who has a certificate of the Secret’s authority', async () => {
    const [friend, stranger] = [await leaf(clients, 'friend'), await leaf(trusted, 'stranger')];
    assert.equal((await ask(ports.https, 'guarded.example', '/', { ca: trusted.pem, ...friend })).body, 'one');
    await assert.rejects(ask(ports.https, 'guarded.example', '/', { ca: trusted.pem }), /alert|socket|ECONNRESET/);
    await assert.rejects(ask(ports.https, 'guarded.example', '/', { ca: trusted.pem, ...stranger }), /alert|socket|ECONNRESET/);
  });

  it('hands TLS on unopened, by server name', async () => {
    assert.equal((await ask(ports.passthrough, 'own.example', '/', { ca: trusted.pem })).body, 'own');
    await assert.rejects(ask(ports.passthrough, 'a.example', '/', { ca: trusted.pem }), /socket|ECONNRESET/);
  });

  it('hands on the bytes of a TCP port', async () => {
    assert.equal(await echo(ports.tcp, 'as it was'), 'as it was');
  });

  it('opens a port when its Secret comes', async () => {
    const tls = { ca: trusted.pem };
    const server = {
      bind: '127.0.0.1',
      port: { number: ports.late, name: 'late', protocol: 'HTTPS' },
      hosts: ['a.example'],
      tls: { mode: 'SIMPLE', credentialName: 'late' },
    };
    store.transaction(() => {
      store.upsert(networking('Gateway', 'late', { selector: { istio: 'ingressgateway' }, servers: [server] }));
      store.upsert(rules('late-sites', 'late'));
    });
    await assert.rejects(ask(ports.late, 'a.example', '/', tls));
    const { cert, key } = await leaf(trusted, 'a.example');
    store.upsert(secret('late', { cert, key }));
    await until(async () => (await ask(ports.late, 'a.example', '/', tls).catch(() => undefined))?.body === 'one');
  });
});
