// The fields of a VirtualService's HTTP rules on the real Envoy: what each does to a request and its answer, through a delegate.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { decode } from '../../src/api/decode.ts';
import { originOf } from '../../src/api/object.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { request, type AskOptions } from '../support/ask.ts';
import { until } from '../support/until.ts';
import { freePort, startEnvoy, type RealEnvoy } from '../support/xds/real-envoy.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

const to = 'route: [{destination: {host: app.backend}}]';

/** The rules of the delegate, in order; the root hands everything over, and sets a header where a rule has no changes of its own. */
const rules = `
- {name: gold, match: [{uri: {exact: /match}, headers: {x-tier: {exact: gold}}, queryParams: {v: {regex: "[0-9]+"}}}], directResponse: {status: 210}}
- {match: [{uri: {exact: /match}, withoutHeaders: {x-tier: {}, x-not: {prefix: a}}, method: {exact: PUT}}], directResponse: {status: 211}}
- {match: [{uri: {prefix: /MATCH/case}, ignoreUriCase: true}], directResponse: {status: 212}}
- {match: [{uri: {regex: "/match/[a-z]{3}"}, authority: {prefix: shop.}, scheme: {exact: http}}], directResponse: {status: 213, body: {string: three}}}
- {match: [{uri: {prefix: /redirect}}], redirect: {prefixRewrite: /to, scheme: https, authority: other.example, redirectCode: 308, port: 8443}}
- {match: [{uri: {prefix: /same-port}}], redirect: {uri: /there, derivePort: FROM_REQUEST_PORT}}
- {match: [{uri: {prefix: /prefix/}}], rewrite: {uri: /new/, authority: inner.example}, ${to}}
- {match: [{uri: {prefix: /regex}}], rewrite: {uriRegexRewrite: {match: "^/regex/(.*)/(.*)$", rewrite: "/\\\\2/\\\\1"}}, ${to}}
- match: [{uri: {prefix: /headers}}]
  route: [{destination: {host: app.backend}, headers: {request: {set: {x-set: of the destination}}, response: {remove: [x-powered-by]}}}]
  headers: {request: {set: {x-set: of the rule, Host: set.example}, add: {x-added: twice}, remove: [x-gone]}, response: {add: {x-answer: "yes"}}}
- {match: [{uri: {prefix: /slow}}], timeout: 300ms, ${to}}
- {match: [{uri: {prefix: /tried}}], retries: {attempts: 3, retryOn: "503", backoff: 1ms}, ${to}}
- {match: [{uri: {prefix: /untried}}], retries: {attempts: 0}, ${to}}
- {match: [{uri: {prefix: /aborted}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, ${to}}
- {match: [{uri: {prefix: /grpc}}], fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, ${to}}
- {match: [{uri: {prefix: /delayed}}], fault: {delay: {fixedDelay: 30ms, percentage: {value: 100}}}, ${to}}
- {match: [{uri: {prefix: /mirrored}}], mirrors: [{destination: {host: shadow.backend}}, {destination: {host: app.backend}, percentage: {value: 0}}], ${to}}
- {match: [{uri: {prefix: /cors}}], corsPolicy: {allowOrigins: [{prefix: "https://shop."}], allowMethods: [GET, PUT], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 1h, allowCredentials: true}, ${to}}
- {match: [{uri: {prefix: /split}}], route: [{destination: {host: app.backend}, weight: 0}, {destination: {host: shadow.backend}, weight: 5}]}
- {match: [{uri: {prefix: /lost}}], route: [{destination: {host: lost.backend}}]}
- {match: [{headers: {"@request.auth.claims.group": {exact: a}}}], directResponse: {status: 214}}
- {${to}}
`;

describe('HTTP rules on the real Envoy', { timeout: 30_000 }, () => {
  const stack = new AsyncDisposableStack();
  const shadowed: Seen[] = [];
  let tries = 0;
  let port: number;
  let envoy: RealEnvoy;

  const ask = async (path: string, options: AskOptions = {}) =>
    request(`http://127.0.0.1:${port}${path}`, { ...options, headers: { host: 'shop.example', ...options.headers } });
  /** What reached the application. */
  const seen = async (path: string, options?: AskOptions) => JSON.parse((await ask(path, options)).body) as Seen;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-routes-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const serve = async (see: (seen: Seen) => number): Promise<number> => {
      const server = createServer(({ method = '', url = '', headers }, response) => {
        const status = see({ method, url, headers });
        if (url.startsWith('/slow')) return;
        response.writeHead(status, { 'x-powered-by': 'node', connection: 'close' }).end(JSON.stringify({ method, url, headers }));
      });
      stack.defer(() => {
        server.close();
        server.closeAllConnections();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as AddressInfo).port;
    };
    const app = await serve(({ url }) => (/tried/.test(url) && ++tries % 3 !== 0 ? 503 : 200));
    const shadow = await serve((request) => {
      shadowed.push(request);
      return 202;
    });
    port = await freePort();

    const store = new Store();
    const put = (kind: string, name: string, spec: object): void => {
      const metadata = { name, namespace: 'edge' };
      const { object, diagnostics } = decode({ apiVersion: 'networking.istio.io/v1', kind, metadata, spec }, originOf('test'));
      assert.ok(object, diagnostics.map(({ message }) => message).join('; '));
      store.upsert(object);
    };
    const external = (name: string, targetPort: number): void =>
      put('ServiceEntry', name, {
        hosts: [`${name}.backend`],
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort }],
        endpoints: [{ address: '127.0.0.1' }],
      });
    external('app', app);
    external('shadow', shadow);
    const server = { port: { number: port, name: 'http', protocol: 'HTTP' }, bind: '127.0.0.1', hosts: ['*.example'] };
    put('Gateway', 'door', { selector: { istio: 'ingressgateway' }, servers: [server] });
    put('VirtualService', 'root', {
      hosts: ['shop.example'],
      gateways: ['door'],
      http: [{ delegate: { name: 'shop' }, headers: { request: { set: { 'x-root': 'yes' } } } }],
    });
    put('VirtualService', 'shop', { http: parse(rules) as object[] });

    const path = join(folder, 'xds');
    const ads = stack.use(adsHandlers({ compiler: createCompiler(store), authorize: () => ({ identity: 'test' }) }));
    const grpc = await serveGrpc({ handlers: ads.handlers, listen: { path } });
    stack.defer(() => grpc.close());
    const node = {
      id: 'router~127.0.0.1~gw-1.edge~edge.svc.cluster.local',
      cluster: 'gateway',
      metadata: { NAMESPACE: 'edge', LABELS: { istio: 'ingressgateway' } },
    };
    envoy = stack.use(await startEnvoy(folder, path, 'delta', node));
    await until(
      async () => (await ask('/')).status === 200,
      () => 'the gateway',
      20_000,
    );
  });

  after(() => stack.disposeAsync());

  const status = async (path: string, options?: AskOptions) => (await ask(path, options)).status;

  it('matches by path, header, query, method, authority and scheme', async () => {
    const gold = { headers: { 'x-tier': 'gold' } };
    assert.equal(await status('/match?v=12', gold), 210);
    assert.equal(await status('/match?v=x', gold), 200);
    assert.equal(await status('/match', { method: 'PUT' }), 211);
    assert.equal(await status('/match', { method: 'PUT', headers: { 'x-tier': 'tin' } }), 200);
    assert.equal(await status('/match', { method: 'PUT', headers: { 'x-not': 'about' } }), 200);
    assert.equal(await status('/match/Case/more'), 212);
    assert.deepEqual(
      [await status('/match/abc'), (await ask('/match/abc')).body, await status('/match/abcd')],
      [213, 'three', 200],
    );
    assert.equal(await status('/claims'), 200);
  });

  it('redirects and rewrites', async () => {
    const { status: code, headers } = await ask('/redirect/page?q=1');
    assert.deepEqual([code, headers.location], [308, 'https://other.example:8443/to/page?q=1']);
    assert.equal((await ask('/same-port')).headers.location, `http://shop.example:${port}/there`);
    const prefix = await seen('/prefix/page');
    assert.deepEqual([prefix.url, prefix.headers.host], ['/new/page', 'inner.example']);
    assert.equal((await seen('/regex/a/b')).url, '/b/a');
  });

  it('changes headers: the root’s changes hold where a rule has none', async () => {
    const answer = await ask('/headers', { headers: { 'x-gone': 'here', 'x-added': 'once' } });
    const { headers } = JSON.parse(answer.body) as Seen;
    assert.deepEqual(
      [headers['x-set'], headers['x-added'], headers['x-gone'], headers.host, headers['x-root']],
      ['of the destination', 'once, twice', undefined, 'set.example', undefined],
    );
    assert.deepEqual([answer.headers['x-answer'], answer.headers['x-powered-by']], ['yes', undefined]);
    assert.equal((await seen('/any')).headers['x-root'], 'yes');
  });

  it('gives up after the timeout, and tries again as often as it is told', async () => {
    assert.equal(await status('/slow'), 504);
    tries = 0;
    assert.deepEqual([await status('/tried'), tries], [200, 3]);
    tries = 0;
    assert.deepEqual([await status('/untried'), tries], [503, 1]);
  });

  it('injects faults', async () => {
    assert.equal(await status('/aborted'), 418);
    const grpc = await ask('/grpc', { headers: { 'content-type': 'application/grpc' } });
    assert.deepEqual([grpc.status, grpc.headers['grpc-status']], [200, '14']);
    assert.equal(await status('/delayed'), 200);
    assert.match(await envoy.admin('/stats?filter=fault%5C.delays_injected'), /: 1$/m);
  });

  it('mirrors, splits, and says of a service that is not there that it is not', async () => {
    shadowed.length = 0;
    assert.equal(await status('/mirrored'), 200);
    await until(
      () => shadowed.length === 1,
      () => 'the mirrored request',
      5000,
    );
    assert.deepEqual([shadowed[0]?.url, shadowed[0]?.headers.host], ['/mirrored', 'shop.example']);
    assert.equal(await status('/split'), 202);
    assert.equal(await status('/lost'), 503);
  });

  it('answers preflights of its origins, and hands others on', async () => {
    const preflight = (origin: string) =>
      ask('/cors', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } });
    const { status: code, headers } = await preflight('https://shop.example');
    assert.deepEqual(
      [
        code,
        headers['access-control-allow-origin'],
        headers['access-control-allow-methods'],
        headers['access-control-allow-headers'],
        headers['access-control-max-age'],
        headers['access-control-allow-credentials'],
      ],
      [200, 'https://shop.example', 'GET,PUT', 'x-a', '3600', 'true'],
    );
    const other = await preflight('https://evil.example');
    assert.equal((JSON.parse(other.body) as Seen).method, 'OPTIONS');
    assert.equal(other.headers['access-control-allow-origin'], undefined);
    const simple = await ask('/cors', { headers: { origin: 'https://shop.example' } });
    assert.equal(simple.headers['access-control-expose-headers'], 'x-b');
  });
});
