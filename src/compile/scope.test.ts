// What callers see, and sharing: those with equal scopes have one configuration of everything outbound, and what a scope does not
// name does not wake them.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { effect } from '@preact/signals-core';
import { decode } from '../api/decode.ts';
import { meshConfigOf } from '../api/mesh-config.ts';
import { originOf, type ApiObject } from '../api/object.ts';
import { Store } from '../store/store.ts';
import { createCompiler } from './compile.ts';
import type { Configuration } from './configuration.ts';
import { parseNode } from './node.ts';

function object(document: object): ApiObject {
  const { object: made, diagnostics } = decode(document as Parameters<typeof decode>[0], originOf('test'));
  assert.ok(made, diagnostics.map(({ message }) => message).join('; '));
  return made;
}

const service = (namespace: string, name: string, ports = [{ name: 'http', port: 80 }]) =>
  object({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP: '10.96.0.1', ports } });

const sidecar = (namespace: string, hosts: readonly string[]) =>
  object({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'default', namespace },
    spec: { egress: [{ hosts }] },
  });

function meshWith(objects: readonly ApiObject[]) {
  const store = new Store();
  store.transaction(() => {
    for (const one of objects) store.upsert(one);
  });
  const compiler = createCompiler(store);
  const at = (namespace: string): Configuration => {
    const node = parseNode({
      id: `sidecar~10.1.0.7~app-1.${namespace}~${namespace}.svc.cluster.local`,
      metadata: { NAMESPACE: namespace },
    });
    assert.ok(typeof node !== 'string');
    return compiler.configurationFor(node).value;
  };
  return { store, at };
}

const clusterNames = ({ clusters }: Configuration) =>
  [...clusters.value.keys()].filter((name) => name.startsWith('outbound')).sort();

test('namespaces that may call the same share their listeners, whichever Sidecar says so', () => {
  const { at } = meshWith([
    service('shops', 'shop'),
    service('one', 'own'),
    sidecar('one', ['shops/*', '*/a.example.com']),
    sidecar('two', ['*/a.example.com', 'shops/*']),
  ]);
  const [one, two] = [at('one'), at('two')];
  assert.deepEqual(clusterNames(one), ['outbound|80||shop.shops.svc.cluster.local']);
  assert.equal(one.listeners.value.get('0.0.0.0_80'), two.listeners.value.get('0.0.0.0_80'));
  assert.equal(one.endpointScope, two.endpointScope);
});

test('a service that a scope does not name wakes nobody who has the scope; one that it names does', () => {
  const { store, at } = meshWith([service('shops', 'shop'), sidecar('one', ['shops/*'])]);
  const configuration = at('one');
  let clusters = 0;
  let listeners = 0;
  const ends = [
    effect(() => {
      void configuration.clusters.value;
      clusters++;
    }),
    effect(() => {
      void configuration.listeners.value;
      listeners++;
    }),
  ];
  store.upsert(service('elsewhere', 'new'));
  assert.deepEqual([clusters, listeners], [1, 1]);
  store.upsert(service('shops', 'new', [{ name: 'http', port: 81 }]));
  assert.deepEqual([clusters, listeners], [2, 2]);
  assert.deepEqual(clusterNames(configuration), [
    'outbound|80||shop.shops.svc.cluster.local',
    'outbound|81||new.shops.svc.cluster.local',
  ]);
  for (const end of ends) end();
});

test('a Sidecar that comes, changes and goes changes what its namespace may call', () => {
  const { store, at } = meshWith([service('shops', 'shop'), service('one', 'own')]);
  const all = ['outbound|80||own.one.svc.cluster.local', 'outbound|80||shop.shops.svc.cluster.local'];
  assert.deepEqual(clusterNames(at('one')), all);
  const own = sidecar('one', ['./*']);
  store.upsert(own);
  assert.deepEqual(clusterNames(at('one')), all.slice(0, 1));
  store.upsert(sidecar('one', ['*/*']));
  assert.deepEqual(clusterNames(at('one')), all);
  assert.equal(at('one').endpointScope, at('two').endpointScope, 'one that leaves everything is as none');
});

test("a namespace's labels decide who sees its ServiceEntries, where the mesh says so", () => {
  const { store, at } = meshWith([
    object({
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'web', namespace: 'one' },
      spec: { hosts: ['web.example.com'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'DNS' },
    }),
  ]);
  const { config, findings } = meshConfigOf({
    serviceEntryVisibility: {
      applyToSidecars: true,
      defaultVisibility: 'NAMESPACE',
      policies: [{ visibility: 'PUBLIC', matchingRules: [{ namespaceSelector: { matchLabels: { trusted: 'yes' } } }] }],
    },
  });
  assert.deepEqual(findings, []);
  store.meshConfig.value = config;
  const namespaceWith = (labels: object) => object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'one', labels } });
  const web = ['outbound|80||web.example.com'];
  assert.deepEqual([clusterNames(at('one')), clusterNames(at('two'))], [web, []]);
  store.upsert(namespaceWith({ trusted: 'yes' }));
  assert.deepEqual([clusterNames(at('one')), clusterNames(at('two'))], [web, web]);
  store.upsert(namespaceWith({}));
  assert.deepEqual([clusterNames(at('one')), clusterNames(at('two'))], [web, []]);
});

test('a namespace counts from when its labels are what the mesh selects, until they are not', () => {
  const { store, at } = meshWith([service('here', 'shop'), service('there', 'shop')]);
  const { config } = meshConfigOf({ discoverySelectors: [{ matchLabels: { mesh: 'on' } }] });
  store.meshConfig.value = config;
  let [seen, runs]: [string[], number] = [[], 0];
  const end = effect(() => {
    runs++;
    seen = clusterNames(at('here'));
  });
  const label = (name: string, labels: object) =>
    store.upsert(object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
  assert.deepEqual(seen, []);
  label('here', { mesh: 'on' });
  assert.deepEqual(seen, ['outbound|80||shop.here.svc.cluster.local']);
  label('there', { mesh: 'on', team: 'a' });
  assert.equal(seen.length, 2);
  const before = runs;
  label('there', { mesh: 'on', team: 'b' });
  label('elsewhere', { mesh: 'off' });
  assert.equal(runs, before, 'labels that nobody selects by wake nobody');
  label('here', {});
  assert.deepEqual(seen, ['outbound|80||shop.there.svc.cluster.local']);
  end();
});
