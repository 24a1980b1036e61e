// A gateway as compiled, on the real Envoy: hosts, server names, certificates from Secrets, TLS handed on, plain TCP, a redirect.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { decode } from '../../src/api/decode.ts';
import { originOf, type ApiObject } from '../../src/api/object.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { authority, leaf, revocationList, type Leaf, type TestAuthority } from '../support/certificates.ts';
import { http3Client } from '../support/http3-client.ts';
import { freePort, startEnvoy, until } from '../support/xds/real-envoy.ts';

const named = (signer: TestAuthority, ...dnsNames: string[]): Promise<Leaf> => leaf(signer, { dnsNames });

const object = (document: Record<string, unknown>): ApiObject => {
  const decoded = decode(document as Parameters<typeof decode>[0], originOf('test'));
  assert.ok(decoded.object, decoded.diagnostics.map(({ message }) => message).join('; '));
  return decoded.object;
};

const networking = (kind: string, name: string, spec: object): ApiObject =>
  object({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace: 'edge' }, spec });

const secret = (name: string, stringData: object): ApiObject =>
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

/** The certificate that a server shows for a name. */
function certificateShown(port: number, servername: string, ciphers?: string): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...(ciphers !== undefined && { ciphers }) };
    const socket = connectTls(options, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error('no certificate'));
      else resolve(certificate);
    });
    socket.on('error', reject);
  });
}

const serialShown = async (port: number, name: string): Promise<string> => (await certificateShown(port, name)).serialNumber;

/** The kind of its key. */
const shown = async (port: number, name: string, ciphers: string): Promise<string | undefined> =>
  (await certificateShown(port, name, ciphers)).publicKey.asymmetricKeyType;

describe('a gateway on the real Envoy', { timeout: 20_000 }, () => {
  const stack = new AsyncDisposableStack();
  const store = new Store();
  let ports: Record<'http' | 'https' | 'passthrough' | 'tcp' | 'late', number>;
  let trusted: TestAuthority;
  let clients: TestAuthority;

  const serve = async (server: Server): Promise<number> => {
    stack.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    return listen(server);
  };

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-gateway-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    [trusted, clients] = [await authority('servers'), await authority('clients')];
    const own = await named(trusted, 'own.example');
    const backends = {
      one: await serve(createHttpServer((_request, response) => response.setHeader('connection', 'close').end('one'))),
      two: await serve(createHttpServer((_request, response) => response.setHeader('connection', 'close').end('two'))),
      own: await serve(createHttpsServer(own, (_request, response) => response.setHeader('connection', 'close').end('own'))),
      tcp: await serve(createTcpServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket))),
    };
    const [http, https, passthrough, tcp, late] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()]);
    ports = { http, https, passthrough, tcp, late };
    const site = await named(trusted, 'a.example');
    const guarded = await named(trusted, 'guarded.example');
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
          port: { number: https, name: 'http3', protocol: 'HTTP3' },
          hosts: ['a.example', 'guarded.example'],
          tls: { mode: 'SIMPLE', credentialName: 'site' },
        },
        {
          port: { number: https, name: 'guarded', protocol: 'HTTPS' },
          hosts: ['guarded.example'],
          tls: { mode: 'MUTUAL', credentialName: 'guarded' },
        },
        {
          port: { number: https, name: 'optional', protocol: 'HTTPS' },
          hosts: ['optional.example'],
          tls: { mode: 'OPTIONAL_MUTUAL', credentialName: 'site', caCertCredentialName: 'configmap://edge/clients' },
        },
        {
          port: { number: https, name: 'anyone', protocol: 'HTTPS' },
          hosts: ['anyone.example'],
          tls: { mode: 'MUTUAL', credentialName: 'guarded', insecureSkipVerify: true },
        },
        {
          port: { number: https, name: 'picky', protocol: 'HTTPS' },
          hosts: ['picky.example'],
          tls: {
            mode: 'MUTUAL',
            credentialName: 'guarded',
            subjectAltNames: ['friend'],
            minProtocolVersion: 'TLSV1_3',
            ecdhCurves: ['P-384'],
          },
        },
        {
          port: { number: https, name: 'both', protocol: 'HTTPS' },
          hosts: ['both.example'],
          tls: { mode: 'SIMPLE', credentialNames: ['both-ec', 'both-rsa'], maxProtocolVersion: 'TLSV1_2' },
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
      secret('both-ec', await leaf(trusted, { dnsNames: ['both.example'] })),
      secret('both-rsa', await leaf(trusted, { dnsNames: ['both.example'] }, 'rsa')),
      object({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'clients', namespace: 'edge' },
        data: { 'ca.crt': clients.pem },
      }),
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

  it('serves HTTP/3 beside HTTPS, and tells clients of HTTPS', async () => {
    const told = await new Promise<unknown>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: ports.https, headers: { host: 'a.example' }, servername: 'a.example' };
      const call = httpsRequest({ ...options, ca: trusted.pem, agent: false });
      call.on('response', (response) => resolve(response.resume().headers['alt-svc']));
      call.on('error', reject);
      call.end();
    });
    assert.equal(told, `h3=":${ports.https}"; ma=86400`);
    await using client = await http3Client(ports.https, 'a.example', trusted.pem);
    assert.equal((await ask(client.port, 'a.example')).body, 'one');
    assert.equal((await ask(client.port, 'a.example', '/two')).body, 'two');
    assert.ok((await client.stat('cluster.quic.upstream_cx_http3_total')) > 0);
  });

  it('sends a client whose connection is for another host of the same certificate to a connection of its own', async () => {
    const onConnectionOfA = { ca: trusted.pem, servername: 'a.example' };
    assert.equal((await ask(ports.https, 'optional.example', '/', onConnectionOfA)).status, 421);
    // Its certificate is another: no client would ask here, and nothing is told of it.
    assert.equal((await ask(ports.https, 'guarded.example', '/', onConnectionOfA)).status, 404);
  });

  it('lets in only who has a certificate of the Secret’s authority', async () => {
    const [friend, stranger] = [await named(clients, 'friend'), await named(trusted, 'stranger')];
    assert.equal((await ask(ports.https, 'guarded.example', '/', { ca: trusted.pem, ...friend })).body, 'one');
    await assert.rejects(ask(ports.https, 'guarded.example', '/', { ca: trusted.pem }), /alert|socket|ECONNRESET/);
    await assert.rejects(ask(ports.https, 'guarded.example', '/', { ca: trusted.pem, ...stranger }), /alert|socket|ECONNRESET/);
  });

  const refused = /alert|socket|ECONNRESET/;
  const withLeaf = (own?: Leaf): RequestOptions => ({ ca: trusted.pem, checkServerIdentity: () => undefined, ...own });

  it('lets in who has no certificate where that is allowed, and nobody with a wrong one', async () => {
    const [friend, stranger] = [await named(clients, 'friend'), await named(trusted, 'stranger')];
    assert.equal((await ask(ports.https, 'optional.example', '/', withLeaf())).body, 'one');
    assert.equal((await ask(ports.https, 'optional.example', '/', withLeaf(friend))).body, 'one');
    await assert.rejects(ask(ports.https, 'optional.example', '/', withLeaf(stranger)), refused);
  });

  it('asks for a certificate of whomever it may be, where trust is left to the application', async () => {
    assert.equal((await ask(ports.https, 'anyone.example', '/', withLeaf(await named(trusted, 'stranger')))).body, 'one');
    await assert.rejects(ask(ports.https, 'anyone.example', '/', withLeaf()), refused);
  });

  it('asks for a name in the certificate, a version and a curve', async () => {
    const [friend, another] = [await named(clients, 'friend'), await named(clients, 'another')];
    assert.equal((await ask(ports.https, 'picky.example', '/', withLeaf(friend))).body, 'one');
    await assert.rejects(ask(ports.https, 'picky.example', '/', withLeaf(another)), refused);
    await assert.rejects(ask(ports.https, 'picky.example', '/', { ...withLeaf(friend), maxVersion: 'TLSv1.2' }), refused);
    await assert.rejects(ask(ports.https, 'picky.example', '/', { ...withLeaf(friend), ecdhCurve: 'X25519' }), refused);
  });

  it('shows each client the certificate of the kind that it can check', async () => {
    const kinds = await Promise.all(
      ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'].map((ciphers) =>
        shown(ports.https, 'both.example', ciphers),
      ),
    );
    assert.deepEqual(kinds, ['ec', 'rsa']);
  });

  it('refuses a client whose certificate was taken back, from the moment that the Secret says so', async () => {
    const [friend, lost] = [await named(clients, 'friend'), await named(clients, 'lost')];
    assert.equal((await ask(ports.https, 'guarded.example', '/', withLeaf(lost))).body, 'one');
    const guarded = await named(trusted, 'guarded.example');
    store.upsert(secret('guarded', { ...guarded, cacert: clients.pem, crl: await revocationList(clients, [lost]) }));
    await until(async () =>
      ask(ports.https, 'guarded.example', '/', withLeaf(lost)).then(
        () => false,
        () => true,
      ),
    );
    assert.equal((await ask(ports.https, 'guarded.example', '/', withLeaf(friend))).body, 'one');
  });

  it('changes certificates while requests come, and none fails', async () => {
    const serials = new Set<string>();
    let asked = 0;
    let going = true;
    const asking = (async () => {
      while (going) {
        assert.equal((await ask(ports.https, 'a.example', '/', { ca: trusted.pem })).body, 'one');
        asked += 1;
      }
    })();
    for (let turn = 0; turn < 5; turn++) {
      const renewed = await named(trusted, 'a.example');
      const { serialNumber } = new X509Certificate(renewed.cert);
      store.upsert(secret('site', { 'tls.crt': renewed.cert, 'tls.key': renewed.key }));
      await until(async () => (await serialShown(ports.https, 'a.example')) === serialNumber);
      serials.add(serialNumber);
    }
    going = false;
    await asking;
    assert.equal(serials.size, 5);
    assert.ok(asked > 5, `${asked} requests`);
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
    const { cert, key } = await named(trusted, 'a.example');
    store.upsert(secret('late', { cert, key }));
    await until(async () => (await ask(ports.late, 'a.example', '/', tls).catch(() => undefined))?.body === 'one');
  });
});
