// What a change of rules, scopes or patches leaves alone in a proxy on demand: listeners whose connections would drain, clusters whose
// connections would be made anew.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { decode } from '../../api/decode.ts';
import { originOf, type ApiObject } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { createCompiler } from '../compile.ts';
import { deliveryKey } from '../delivery.ts';
import { parseNode } from '../node.ts';

function object(kind: string, name: string, spec: object, apiVersion = 'networking.istio.io/v1'): ApiObject {
  const { object: decoded, diagnostics } = decode(
    { apiVersion, kind, metadata: { name, namespace: 'default' }, spec },
    originOf('test'),
  );
  assert.ok(decoded, JSON.stringify(diagnostics));
  return decoded;
}

const ports = [
  { name: 'http', port: 80 },
  { name: 'tcp', port: 9000 },
  { name: 'tcp-long', port: 9001 },
];

function setUp() {
  const store = new Store();
  store.transaction(() => store.upsert(object('Service', 'shop', { clusterIP: '10.96.0.7', ports }, 'v1')));
  const parsed = parseNode({
    id: 'sidecar~10.1.0.9~client.default~default.svc.cluster.local',
    metadata: { LABELS: { app: 'client' }, [deliveryKey]: 'demand' },
  });
  assert.ok(typeof parsed !== 'string');
  const configuration = createCompiler(store, 'demand').configurationFor(parsed);
  const listeners = () =>
    new Map([...configuration.value.listeners.value].map(([name, { version }]): [string, string] => [name, version]));
  const change = (...objects: ApiObject[]) => store.transaction(() => objects.forEach((one) => store.upsert(one)));
  return { configuration, listeners, change };
}

const all = ['0.0.0.0_80', '0.0.0.0_9000', '0.0.0.0_9001', 'virtualInbound', 'virtualOutbound'];

test('rules for one port add its listener before the one that was there, and touch no other', () => {
  const { listeners, change } = setUp();
  const before = listeners();
  assert.deepEqual([...before.keys()].sort(), all);
  const match = [{ port: 9000 }];
  change(
    object('DestinationRule', 'shop', { host: 'shop', subsets: [{ name: 'v1', labels: { version: 'v1' } }] }),
    object('VirtualService', 'shop', {
      hosts: ['shop'],
      tcp: [{ match, route: [{ destination: { host: 'shop', subset: 'v1', port: { number: 9000 } } }] }],
    }),
  );
  const after = listeners();
  assert.deepEqual([...after.keys()].sort(), [...all, '10.96.0.7_9000'].sort());
  for (const [name, version] of before) assert.equal(after.get(name), version, name);
});

test('a Sidecar that leaves what is called changes no listener', () => {
  const { listeners, change, configuration } = setUp();
  const before = listeners();
  change(object('Sidecar', 'default', { egress: [{ hosts: ['./*', 'istio-system/*'] }] }));
  assert.deepEqual(listeners(), before);
  const name = 'outbound|80||shop.default.svc.cluster.local';
  const told = configuration.value.clusters.value.get(name);
  assert.ok(told, 'what it names is there from the start');
  assert.equal(told.version, configuration.value.called?.(name).value.version);
  change(object('Sidecar', 'default', { egress: [{ hosts: ['istio-system/*'] }] }));
  assert.deepEqual([...listeners().keys()].sort(), ['virtualInbound', 'virtualOutbound']);
  const unseen = configuration.value.called?.(name).value;
  assert.deepEqual(unseen?.causes, [], 'what the Sidecar hides has no cluster of its own');
});

test('a patch that wants all clusters there brings them as they were called', () => {
  const { configuration, change } = setUp();
  const names = ports.map(({ port }) => `outbound|${port}||shop.default.svc.cluster.local`);
  const called = names.map((name) => configuration.value.called?.(name).value.version);
  const patch = { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x', value: 'y' } }] } };
  change(object('EnvoyFilter', 'all', { configPatches: [{ applyTo: 'VIRTUAL_HOST', patch }] }, 'networking.istio.io/v1alpha3'));
  const told = names.map((name) => configuration.value.clusters.value.get(name)?.version);
  assert.deepEqual(told, called);
});
