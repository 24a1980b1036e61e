// EnvoyFilters as people write them, on the real Envoy with real requests: filters, limits, settings and headers take effect, follow
// changes, and a broken one beside them changes nothing.

import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { decode } from '../../src/api/decode.ts';
import { originOf, refOf, type ApiObject } from '../../src/api/object.ts';
import { createCompiler } from '../../src/compile/compile.ts';
import { parseNode } from '../../src/compile/node.ts';
import { serveGrpc } from '../../src/lib/grpc/server.ts';
import { Store } from '../../src/store/store.ts';
import { adsHandlers } from '../../src/xds/ads.ts';
import { freePort, startEnvoy, until } from '../support/xds/real-envoy.ts';

function object(document: unknown): ApiObject {
  const decoded = decode(document, originOf('test'));
  assert.ok(decoded.object, decoded.diagnostics.map(({ message }) => message).join('; '));
  return decoded.object;
}

const networking = (kind: string, name: string, spec: object, version = 'v1'): ApiObject =>
  object({ apiVersion: `networking.istio.io/${version}`, kind, metadata: { name, namespace: 'edge' }, spec });

/** An EnvoyFilter from the YAML of its patches. */
const filter = (name: string, patches: string): ApiObject =>
  networking('EnvoyFilter', name, { configPatches: parse(patches) as object[] }, 'v1alpha3');

const manager = 'envoy.filters.network.http_connection_manager';

const lua = (says: string): string => `
- applyTo: HTTP_FILTER
  match:
    context: GATEWAY
    listener: {filterChain: {filter: {name: ${manager}, subFilter: {name: envoy.filters.http.router}}}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.http.lua
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
        inlineCode: |
          function envoy_on_request(handle)
            handle:headers():add("x-lua", "${says}")
          end
`;

const localRateLimit = `
- applyTo: HTTP_FILTER
  match:
    context: GATEWAY
    listener: {filterChain: {filter: {name: ${manager}}}}
  patch:
    operation: INSERT_BEFORE
    value:
      name: envoy.filters.http.local_ratelimit
      typed_config:
        "@type": type.googleapis.com/udpa.type.v1.TypedStruct
        type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
        value: {stat_prefix: http_local_rate_limiter}
- applyTo: HTTP_ROUTE
  match: {context: GATEWAY, routeConfiguration: {vhost: {name: "limited.example:PORT", route: {action: ANY}}}}
  patch:
    operation: MERGE
    value:
      typed_per_filter_config:
        envoy.filters.http.local_ratelimit:
          "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: limited
          token_bucket: {max_tokens: 2, tokens_per_fill: 1, fill_interval: 3600s}
          filter_enabled: {default_value: {numerator: 100, denominator: HUNDRED}}
          filter_enforced: {default_value: {numerator: 100, denominator: HUNDRED}}
`;

const settings = `
- applyTo: NETWORK_FILTER
  match: {context: GATEWAY, listener: {filterChain: {filter: {name: ${manager}}}}}
  patch:
    operation: MERGE
    value:
      name: ${manager}
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        common_http_protocol_options: {idle_timeout: 1s, max_headers_count: 20}
        server_name: patched
- applyTo: CLUSTER
  match: {context: GATEWAY, cluster: {service: backend.example}}
  patch: {operation: MERGE, value: {upstream_connection_options: {tcp_keepalive: {keepalive_time: 20}}}}
- applyTo: VIRTUAL_HOST
  match: {context: GATEWAY}
  patch: {operation: MERGE, value: {response_headers_to_add: [{header: {key: x-patched, value: "yes"}}]}}
`;

/** Each would make Envoy refuse a listener, a table or a cluster. */
const broken = `
- applyTo: HTTP_FILTER
  match: {context: GATEWAY, listener: {filterChain: {filter: {name: ${manager}}}}}
  patch:
    operation: ADD
    value:
      name: envoy.filters.http.lua
      typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}
- applyTo: HTTP_FILTER
  match: {context: GATEWAY, listener: {filterChain: {filter: {name: ${manager}}}}}
  patch: {operation: INSERT_FIRST, value: {name: istio.stats, typed_config: {"@type": type.googleapis.com/stats.PluginConfig}}}
- applyTo: VIRTUAL_HOST
  match: {context: GATEWAY}
  patch: {operation: ADD, value: {name: twice, domains: [all.example]}}
- applyTo: CLUSTER
  match: {context: GATEWAY}
  patch: {operation: MERGE, value: {lb_policy: CLUSTER_PROVIDED}}
`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(port: number, host: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, headers: { host, ...headers }, agent: false, timeout: 10_000 });
    call.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => void (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject).end();
  });
}

const node = {
  id: 'router~127.0.0.1~gw-1.edge~edge.svc.cluster.local',
  cluster: 'gateway',
  metadata: { NAMESPACE: 'edge', LABELS: { istio: 'ingressgateway' } },
};

describe('EnvoyFilters on the real Envoy', { timeout: 30_000 }, () => {
  const stack = new AsyncDisposableStack();
  const store = new Store();
  const compiler = createCompiler(store);
  let port: number;

  const change = (...objects: readonly ApiObject[]): void => store.transaction(() => objects.forEach((one) => store.upsert(one)));
  const codes = (): string[] => {
    const parsed = parseNode(node);
    assert.ok(typeof parsed !== 'string');
    return compiler
      .configurationFor(parsed)
      .value.diagnostics.value.map(({ code, path }) => `${code} ${path.slice(0, 3).join('.')}`);
  };

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lateen-patches-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const backend = createServer(({ headers }, response) => {
      response.setHeader('connection', 'close').end(JSON.stringify(headers));
    });
    stack.defer(() => new Promise<void>((resolve) => void backend.close(() => resolve())));
    await new Promise<void>((resolve) => void backend.listen(0, '127.0.0.1', resolve));
    port = await freePort();
    change(
      networking('Gateway', 'gateway', {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, bind: '127.0.0.1', hosts: ['*.example'] }],
      }),
      networking('ServiceEntry', 'backend', {
        hosts: ['backend.example'],
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: (backend.address() as AddressInfo).port }],
        endpoints: [{ address: '127.0.0.1' }],
      }),
      networking('VirtualService', 'all', {
        hosts: ['all.example', 'limited.example'],
        gateways: ['gateway'],
        http: [{ route: [{ destination: { host: 'backend.example' } }] }],
      }),
      filter('lua', lua('first')),
      filter('limits', localRateLimit.replace('PORT', String(port))),
      filter('settings', settings),
    );
    const path = join(folder, 'xds');
    const ads = adsHandlers({ compiler, authorize: () => ({ identity: 'test' }) });
    stack.use(ads);
    const server = await serveGrpc({ handlers: ads.handlers, listen: { path } });
    stack.defer(() => server.close());
    stack.use(await startEnvoy(folder, path, 'delta', node));
    await until(async () => (await ask(port, 'all.example').catch(() => undefined))?.status === 200);
  });

  after(() => stack.disposeAsync());

  it('lets a Lua filter speak before the router', async () => {
    const { body } = await ask(port, 'all.example');
    assert.equal((JSON.parse(body) as Record<string, string>)['x-lua'], 'first');
  });

  it('merges headers into virtual hosts, and settings into the connection manager', async () => {
    const { headers } = await ask(port, 'all.example');
    assert.deepEqual([headers['x-patched'], headers['server']], ['yes', 'patched']);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x-${index}`, 'a']));
    assert.equal((await ask(port, 'all.example', many)).status, 431);
  });

  it('limits requests of one host, and of no other', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 4; count++) statuses.push((await ask(port, 'limited.example')).status);
    assert.deepEqual(statuses, [200, 200, 429, 429]);
    assert.equal((await ask(port, 'all.example')).status, 200);
  });

  it('follows a changed patch, and leaves a broken EnvoyFilter out with words', async () => {
    change(filter('broken', broken), filter('lua', lua('second')));
    const said = async () => (JSON.parse((await ask(port, 'all.example')).body) as Record<string, string>)['x-lua'];
    await until(async () => (await said()) === 'second');
    assert.equal((await ask(port, 'all.example')).headers['x-patched'], 'yes');
    assert.deepEqual(codes().sort(), [
      'LAT1617 spec.configPatches.1',
      'LAT1618 spec.configPatches.0',
      'LAT1618 spec.configPatches.2',
      'LAT1618 spec.configPatches.3',
    ]);
  });

  it('is as it was when the patches have gone', async () => {
    store.transaction(() => ['lua', 'limits', 'settings', 'broken'].forEach((name) => store.remove(refOf(filter(name, '[]')))));
    await until(async () => (await ask(port, 'limited.example')).headers['x-patched'] === undefined);
    await until(async () => (await ask(port, 'limited.example')).headers['server'] === 'istio-envoy');
    const { status, body } = await ask(port, 'limited.example');
    assert.deepEqual([status, (JSON.parse(body) as Record<string, string>)['x-lua']], [200, undefined]);
  });
});
