// The cluster under every name that a proxy on demand may ask for: a service's, or what stands in its place.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { decode } from '../../api/decode.ts';
import { meshConfigOf } from '../../api/mesh-config.ts';
import { originOf, refOf, type ApiObject } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { createCompiler } from '../compile.ts';
import { deliveryKey } from '../delivery.ts';
import { parseNode } from '../node.ts';

function object(apiVersion: string, kind: string, name: string, namespace: string, spec: object, annotations = {}): ApiObject {
  const { object: decoded, diagnostics } = decode(
    { apiVersion, kind, metadata: { name, namespace, annotations }, spec },
    originOf('test'),
  );
  assert.ok(decoded, JSON.stringify(diagnostics));
  return decoded;
}

const service = (name: string, namespace: string, spec: object, exportTo = '*') =>
  object('v1', 'Service', name, namespace, spec, { 'networking.istio.io/exportTo': exportTo });

const http = { name: 'http', port: 80 };
const objects = [
  service('shop', 'default', { clusterIP: '10.96.0.1', ports: [http, { name: 'dns', port: 53, protocol: 'UDP' }] }),
  service('hidden', 'far', { clusterIP: '10.96.0.2', ports: [http] }, '.'),
  service('alias', 'default', { type: 'ExternalName', externalName: 'shop.default.svc.cluster.local', ports: [http] }),
  object('networking.istio.io/v1', 'VirtualService', 'shop', 'default', {
    hosts: ['shop'],
    http: [{ route: [{ destination: { host: 'missing' } }], mirror: { host: 'lost' } }],
  }),
  service('ruled', 'default', { clusterIP: '10.96.0.3', ports: [http] }),
  object('networking.istio.io/v1', 'VirtualService', 'ruled', 'default', {
    hosts: ['ruled'],
    http: [
      { match: [{ uri: { prefix: '/other' } }], route: [{ destination: { host: 'alias', port: { number: 90 } } }] },
      { match: [{ port: 91 }], route: [{ destination: { host: 'elsewhere' } }] },
      { route: [{ destination: { host: 'ruled' } }] },
    ],
    tcp: [{ route: [{ destination: { host: 'ruled', port: { number: 92 } } }] }],
  }),
];

/** What a caller of the default namespace gets under a name, in a word, now and after changes. */
function asking(mode: 'ALLOW_ANY' | 'REGISTRY_ONLY') {
  const store = new Store();
  store.meshConfig.value = meshConfigOf({ outboundTrafficPolicy: { mode } }).config;
  store.transaction(() => objects.forEach((one) => store.upsert(one)));
  const node = parseNode({
    id: 'sidecar~10.1.0.9~web.default~default.svc.cluster.local',
    metadata: { [deliveryKey]: 'demand' },
  });
  assert.ok(typeof node !== 'string');
  const configuration = createCompiler(store).configurationFor(node);
  const ask = (name: string): string => {
    const resource = configuration.value.called?.(name).value;
    assert.ok(resource, name);
    const { clusterDiscoveryType: type, metadata, ...cluster } = fromBinary(ClusterSchema, resource.bytes);
    assert.equal(cluster.name, name);
    const lateen = metadata?.filterMetadata['lateen'] as { readonly refused?: true } | undefined;
    if (type.value === Cluster_DiscoveryType.EDS) return cluster.edsClusterConfig?.serviceName ?? '';
    assert.deepEqual(resource.causes, []);
    if (type.value === Cluster_DiscoveryType.ORIGINAL_DST) return 'passed on';
    assert.equal(type.value, Cluster_DiscoveryType.STATIC);
    return lateen?.refused === true ? 'refused' : 'without endpoints';
  };
  return { store, ask };
}

const shop = 'outbound|80||shop.default.svc.cluster.local';

for (const [mode, otherwise] of [
  ['ALLOW_ANY', 'passed on'],
  ['REGISTRY_ONLY', 'refused'],
] as const) {
  test(`with ${mode} every name has an answer`, () => {
    const { ask } = asking(mode);
    assert.deepEqual(
      [
        shop,
        'outbound|80||10.96.0.1',
        'outbound|81||shop.default.svc.cluster.local',
        'outbound|53||shop.default.svc.cluster.local',
        'outbound|80||alias.default.svc.cluster.local',
        'outbound|80||hidden.far.svc.cluster.local',
        'outbound|80||10.96.0.2',
        'outbound|80||nobody.far.svc.cluster.local',
        // To another port of these a rule sends requests, or from another.
        'outbound|81||ruled.default.svc.cluster.local',
        'outbound|81||missing.default.svc.cluster.local',
        'outbound|80||elsewhere.default.svc.cluster.local',
        // To these a rule sends requests.
        'outbound|90||shop.default.svc.cluster.local',
        'outbound|92||ruled.default.svc.cluster.local',
        'outbound|80||missing.default.svc.cluster.local',
        'outbound|80||lost.default.svc.cluster.local',
        'outbound|80|v1|shop.default.svc.cluster.local',
        'nonsense',
      ].map(ask),
      [shop, shop, ...Array.from({ length: 9 }, () => otherwise), ...Array.from({ length: 6 }, () => 'without endpoints')],
    );
  });
}

test('a service takes the place of what stood there, and leaves it again', () => {
  const { store, ask } = asking('REGISTRY_ONLY');
  const [one] = objects;
  assert.ok(one);
  store.transaction(() => store.remove(refOf(one)));
  assert.equal(ask(shop), 'refused');
  assert.equal(ask('outbound|80||10.96.0.1'), 'refused');
  store.transaction(() => store.upsert(one));
  assert.equal(ask(shop), shop);
  store.transaction(() =>
    store.upsert(
      object('networking.istio.io/v1', 'DestinationRule', 'shop', 'default', {
        host: 'shop',
        subsets: [{ name: 'v1', labels: {} }],
      }),
    ),
  );
  assert.equal(ask('outbound|80|v1|shop.default.svc.cluster.local'), 'outbound|80|v1|shop.default.svc.cluster.local');
});
