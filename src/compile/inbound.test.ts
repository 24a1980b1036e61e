// Which way in each connection has: mutual TLS mode × what a port speaks, told as one line per filter chain of virtualInbound.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import type {
  FilterChain,
  ListenerFilterChainMatchPredicate,
} from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { HttpConnectionManagerSchema } from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { decode } from '../api/decode.ts';
import { meshConfigDefaults } from '../api/mesh-config.ts';
import { originOf } from '../api/object.ts';
import { compileProxy, type Compiled } from './compile.ts';
import { parseNode } from './node.ts';

const service = (name: string, ports: object[], metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop', ...metadata },
  spec: { clusterIP: '10.96.0.1', selector: { app: 'app' }, ports },
});

const threePorts = service('app', [
  { name: 'http', port: 8080 },
  { name: 'tcp', port: 9000 },
  { name: 'detect', port: 7000 },
]);

const authentication = (namespace: string, name: string, spec: object, created?: string) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name, namespace, ...(created && { creationTimestamp: created }) },
  spec,
});

const mode = (value: string) => ({ mtls: { mode: value } });

function compiled(documents: readonly object[], metadata: object = {}): Compiled {
  const node = parseNode({
    id: 'sidecar~10.1.0.7~app-1.shop~shop.svc.cluster.local',
    metadata: { NAMESPACE: 'shop', LABELS: { app: 'app' }, ...metadata },
  });
  assert.ok(typeof node !== 'string');
  const objects = documents.map((document) => {
    const { object, diagnostics } = decode(document as Parameters<typeof decode>[0], originOf('test'));
    assert.ok(object, diagnostics.map(({ message }) => message).join('; '));
    return object;
  });
  return compileProxy({ objects, meshConfig: meshConfigDefaults(), node });
}

function inbound(documents: readonly object[], metadata: object = {}) {
  const found = compiled(documents, metadata).listeners.find(({ name }) => name === 'virtualInbound');
  assert.ok(found, 'there is no virtualInbound');
  return fromBinary(ListenerSchema, found.bytes);
}

/** `8080 tls istio → http mutual inbound|8080||`; names in brackets are filters before the last. */
function line(chain: FilterChain): string {
  const { destinationPort = '*', transportProtocol = '', applicationProtocols = [] } = chain.filterChainMatch ?? {};
  const names = applicationProtocols.join(',');
  const said =
    names === ''
      ? ''
      : names.includes('istio-h2')
        ? names.includes('istio,') || names.endsWith('istio') || names.includes('istio-peer')
          ? ' mesh'
          : ' mesh-http'
        : names.includes('h2c')
          ? ' http'
          : ' mesh-tcp';
  return `${destinationPort} ${transportProtocol || 'any'}${said} → ${last(chain)}${chain.transportSocket ? ' mutual' : ''}`;
}

function last(chain: FilterChain): string {
  const config = chain.filters.at(-1)?.configType;
  if (config?.case !== 'typedConfig') return 'nothing';
  const packed = config.value;
  const manager = packed.typeUrl.endsWith(HttpConnectionManagerSchema.typeName)
    ? fromBinary(HttpConnectionManagerSchema, packed.value)
    : undefined;
  const before = chain.filters.slice(0, -1).map(({ name }) => name);
  const inner = manager?.httpFilters.map(({ name }) => name).filter((name) => name.endsWith('rbac')) ?? [];
  const guards = [...before, ...inner].length > 0 ? ' guarded' : '';
  if (manager?.routeSpecifier.case === 'routeConfig') return `http ${manager.routeSpecifier.value.name}${guards}`;
  const proxy = fromBinary(TcpProxySchema, packed.value);
  return `tcp ${proxy.clusterSpecifier.case === 'cluster' ? proxy.clusterSpecifier.value : '?'}${guards}`;
}

const lines = (documents: readonly object[], port: number | '*' = '*', metadata: object = {}): string[] =>
  inbound(documents, metadata)
    .filterChains.map(line)
    .filter((text) => text.startsWith(`${port} `));

const permissive = {
  http: ['8080 tls mesh → http inbound|8080|| mutual', '8080 raw_buffer → http inbound|8080||'],
  tcp: ['9000 tls mesh → tcp inbound|9000|| mutual', '9000 raw_buffer → tcp inbound|9000||', '9000 tls → tcp inbound|9000||'],
  auto: [
    '7000 tls mesh-http → http inbound|7000|| mutual',
    '7000 raw_buffer http → http inbound|7000||',
    '7000 tls mesh-tcp → tcp inbound|7000|| mutual',
    '7000 raw_buffer → tcp inbound|7000||',
    '7000 tls → tcp inbound|7000||',
  ],
  rest: [
    '* tls mesh-http → http InboundPassthroughCluster mutual',
    '* raw_buffer http → http InboundPassthroughCluster',
    '* tls mesh-tcp → tcp InboundPassthroughCluster mutual',
    '* raw_buffer → tcp InboundPassthroughCluster',
    '* tls → tcp InboundPassthroughCluster',
  ],
};
const strict = {
  http: ['8080 tls → http inbound|8080|| mutual'],
  tcp: ['9000 tls → tcp inbound|9000|| mutual'],
  auto: ['7000 tls mesh-http → http inbound|7000|| mutual', '7000 tls → tcp inbound|7000|| mutual'],
  rest: ['* tls mesh-http → http InboundPassthroughCluster mutual', '* tls → tcp InboundPassthroughCluster mutual'],
};
const disable = {
  http: ['8080 raw_buffer → http inbound|8080||'],
  tcp: ['9000 raw_buffer → tcp inbound|9000||'],
  auto: ['7000 raw_buffer http → http inbound|7000||', '7000 raw_buffer → tcp inbound|7000||'],
  rest: ['* raw_buffer http → http InboundPassthroughCluster', '* raw_buffer → tcp InboundPassthroughCluster'],
};

for (const [name, documents, expected] of [
  ['PERMISSIVE, by default', [], permissive],
  ['STRICT', [authentication('istio-system', 'default', mode('STRICT'))], strict],
  ['DISABLE', [authentication('shop', 'default', mode('DISABLE'))], disable],
] as const) {
  test(`chains of ${name}`, () => {
    const all = [threePorts, ...documents];
    assert.deepEqual(lines(all, 8080), expected.http);
    assert.deepEqual(lines(all, 9000), expected.tcp);
    assert.deepEqual(lines(all, 7000), expected.auto);
    assert.deepEqual(lines(all, '*'), expected.rest);
    assert.deepEqual(lines(all, 15006 as 8080), ['15006 any → tcp BlackHoleCluster']);
  });
}

const own = { selector: { matchLabels: { app: 'app' } } };

for (const [what, documents, expected] of [
  [
    "a namespace's policy over the mesh's",
    [authentication('istio-system', 'default', mode('STRICT')), authentication('shop', 'default', mode('DISABLE'))],
    disable,
  ],
  [
    'UNSET leaves what is above',
    [authentication('istio-system', 'default', mode('STRICT')), authentication('shop', 'default', mode('UNSET'))],
    strict,
  ],
  [
    "a workload's policy over its namespace's",
    [authentication('shop', 'default', mode('STRICT')), authentication('shop', 'app', { ...own, ...mode('DISABLE') })],
    disable,
  ],
  [
    'the oldest of a level',
    [
      authentication('shop', 'a', mode('DISABLE'), '2026-01-02T00:00:00Z'),
      authentication('shop', 'b', mode('STRICT'), '2026-01-01T00:00:00Z'),
    ],
    strict,
  ],
  [
    'the oldest policy of a workload, though another is for it too',
    [
      authentication('shop', 'a', { ...own, ...mode('STRICT') }, '2026-01-01T00:00:00Z'),
      authentication('shop', 'b', { ...own, ...mode('DISABLE') }, '2026-01-02T00:00:00Z'),
    ],
    strict,
  ],
  [
    'a selector in the root namespace selects nothing',
    [authentication('istio-system', 'app', { ...own, ...mode('STRICT') })],
    permissive,
  ],
  [
    'a policy for others',
    [authentication('shop', 'other', { selector: { matchLabels: { app: 'other' } }, ...mode('STRICT') })],
    permissive,
  ],
] as const) {
  test(`mode: ${what}`, () => assert.deepEqual(lines([threePorts, ...documents], 8080), expected.http));
}

test('a port has its own mode, also one that no service leads to', () => {
  const policy = authentication('shop', 'app', {
    ...own,
    ...mode('STRICT'),
    portLevelMtls: { 8080: { mode: 'DISABLE' }, 5555: { mode: 'PERMISSIVE' } },
  });
  assert.deepEqual(lines([threePorts, policy], 8080), disable.http);
  assert.deepEqual(lines([threePorts, policy], 9000), strict.tcp);
  assert.deepEqual(
    lines([threePorts, policy], 5555 as 8080),
    permissive.rest.map((text) => text.replace('*', '5555')),
  );
  assert.deepEqual(lines([threePorts, policy], '*'), strict.rest);
});

test('a selector in the root namespace is told to be without effect', () => {
  const { diagnostics } = compiled([threePorts, authentication('istio-system', 'app', { ...own, ...mode('STRICT') })]);
  assert.deepEqual(
    diagnostics.map(({ code, object }) => `${code} ${object?.name}`),
    ['LAT0207 app'],
  );
});

test('authorization stands in every chain that leads to the application', () => {
  const policy = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'deny', namespace: 'shop' },
    spec: { action: 'DENY', rules: [{ from: [{ source: { ipBlocks: ['192.0.2.0/24'] } }] }] },
  };
  const all = inbound([threePorts, policy]).filterChains.map(line);
  const unguarded = all.filter((text) => !text.includes('guarded'));
  assert.deepEqual(unguarded, ['15006 any → tcp BlackHoleCluster']);
  assert.equal(all.length, 16);
});

/** The ports on which a listener filter is off, or `only` those on which it is on. */
function inspection(documents: readonly object[], name: string): string {
  const filter = inbound(documents).listenerFilters.find((candidate) => candidate.name === `envoy.filters.listener.${name}`);
  if (filter === undefined) return 'none';
  const ports = (predicate: ListenerFilterChainMatchPredicate | undefined): string => {
    switch (predicate?.rule.case) {
      case 'destinationPortRange':
        return String(predicate.rule.value.start);
      case 'orMatch':
        return predicate.rule.value.rules.map(ports).join(' ');
      case 'notMatch':
        return `only ${ports(predicate.rule.value)}`;
      default:
        return '';
    }
  };
  return ports(filter.filterDisabled);
}

test('connections are looked into only where a chain asks what is found', () => {
  assert.equal(inspection([threePorts], 'tls_inspector'), '15006');
  assert.equal(inspection([threePorts], 'http_inspector'), '8080 9000 15006');
  const plain = [threePorts, authentication('shop', 'default', mode('DISABLE'))];
  assert.equal(inspection(plain, 'tls_inspector'), 'none');
  assert.equal(inspection(plain, 'http_inspector'), '8080 9000 15006');
  const mixed = [
    threePorts,
    authentication('shop', 'app', { ...own, ...mode('DISABLE'), portLevelMtls: { 9000: { mode: 'STRICT' } } }),
  ];
  assert.equal(inspection(mixed, 'tls_inspector'), 'only 9000');
  const closed = [
    threePorts,
    authentication('shop', 'app', { ...own, ...mode('STRICT'), portLevelMtls: { 7000: { mode: 'PERMISSIVE' } } }),
  ];
  assert.equal(inspection(closed, 'http_inspector'), 'only 7000');
});

test('a proxy that nothing is redirected to has no way in', () => {
  const { listeners, clusters } = compiled([threePorts], { INTERCEPTION_MODE: 'NONE' });
  assert.equal(
    listeners.some(({ name }) => name === 'virtualInbound'),
    false,
  );
  assert.deepEqual(
    clusters.map(({ name }) => name).filter((name) => name.startsWith('inbound|')),
    [],
  );
});

test('the oldest service says what a shared port speaks', () => {
  const http = service('http', [{ name: 'http', port: 80, targetPort: 8080 }], { creationTimestamp: '2026-01-01T00:00:00Z' });
  const tcp = service('tcp', [{ name: 'tcp', port: 81, targetPort: 8080 }], { creationTimestamp: '2026-01-02T00:00:00Z' });
  assert.deepEqual(lines([tcp, http], 8080), permissive.http);
});
