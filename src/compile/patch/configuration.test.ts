// Patched configurations, live: who is compiled anew, and what classes share.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { effect } from '@preact/signals-core';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { decode } from '../../api/decode.ts';
import { originOf, refOf, type ApiObject } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { createCompiler } from '../compile.ts';
import { deliveryKey } from '../delivery.ts';
import { parseNode } from '../node.ts';
import type { ProxyNode } from '../configuration.ts';
import { encodings } from '../resource.ts';

function object(document: Record<string, unknown>): ApiObject {
  const { object: decoded, diagnostics } = decode(document, originOf('test'));
  assert.ok(decoded, JSON.stringify(diagnostics));
  return decoded;
}

const service = (name: string, port: number) =>
  object({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { clusterIP: `10.96.0.${port - 79}`, ports: [{ name: 'http', port }] },
  });

const filter = (name: string, app: string, value: string) =>
  object({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: 'default' },
    spec: {
      workloadSelector: { labels: { app } },
      configPatches: [
        {
          applyTo: 'VIRTUAL_HOST',
          match: { routeConfiguration: { vhost: { name: 'shop.default.svc.cluster.local:80' } } },
          patch: { operation: 'MERGE', value: { response_headers_to_add: [{ header: { key: 'x', value } }] } },
        },
      ],
    },
  });

function node(app: string, namespace = 'default'): ProxyNode {
  const metadata = { LABELS: { app } };
  const parsed = parseNode({ id: `sidecar~10.1.0.9~${app}.${namespace}~${namespace}.svc.cluster.local`, metadata });
  assert.ok(typeof parsed !== 'string');
  return parsed;
}

test('an EnvoyFilter costs those that it selects, and nobody else', () => {
  const store = new Store();
  store.transaction(() => [service('shop', 80), service('books', 80)].forEach((one) => store.upsert(one)));
  const compiler = createCompiler(store);
  const [one, other] = [compiler.configurationFor(node('one')), compiler.configurationFor(node('other'))];
  const seen: string[] = [];
  const stop = effect(() => void seen.push(`${one.value.route('80').value?.version}`));
  const stopOther = effect(() => void other.value.route('80').value);
  const unselected = other.value;
  const listeners = one.value.listeners.value;
  const before = one.value.route('80').value;
  assert.ok(other.value.route('80').value === before, 'two classes without patches share a table');

  store.transaction(() => store.upsert(filter('headers', 'one', 'first')));
  assert.equal(seen.length, 2);
  assert.ok(other.value === unselected, 'the other class is the one that it was');
  const outbound = one.value.listeners.value.get('0.0.0.0_80');
  assert.ok(outbound === listeners.get('0.0.0.0_80'), 'what no patch is for is not made anew');
  const patched = one.value.route('80').value;
  assert.match(Buffer.from(patched?.bytes ?? []).toString('latin1'), /first/);
  assert.deepEqual(
    patched?.causes.map(({ object: { kind, name } }) => `${kind}/${name}`).filter((name) => name.startsWith('EnvoyFilter')),
    ['EnvoyFilter/headers'],
  );

  const count = encodings.count;
  store.transaction(() => store.upsert(filter('headers', 'one', 'second')));
  assert.match(Buffer.from(one.value.route('80').value?.bytes ?? []).toString('latin1'), /second/);
  assert.ok(
    encodings.count - count <= 8,
    `one host, its table and what is inbound are encoded, not ${encodings.count - count} messages`,
  );

  store.transaction(() => store.remove(refOf(filter('headers', 'one', ''))));
  assert.equal(one.value.route('80').value?.version, before?.version, 'without the patch it is what it was');
  stop();
  stopOther();
});

test('classes with the same patches share what is patched', () => {
  const store = new Store();
  store.transaction(() => [service('shop', 80), filter('headers', 'one', 'same')].forEach((one) => store.upsert(one)));
  const compiler = createCompiler(store);
  const elsewhere = { ...node('one'), metadata: { LABELS: { app: 'one' }, INTERCEPTION_MODE: 'TPROXY' } };
  const [first, second] = [compiler.configurationFor(node('one')), compiler.configurationFor(elsewhere)];
  assert.notEqual(first.value.id, second.value.id);
  assert.ok(first.value.route('80') === second.value.route('80'), 'the same cell, so one effect hears of it');
  assert.ok(first.value.route('80').value === second.value.route('80').value);
});

test('on demand a cluster that is called by address is patched by the names of its service', () => {
  const patch = (cluster: object) => ({
    applyTo: 'CLUSTER',
    match: { context: 'SIDECAR_OUTBOUND', cluster },
    patch: { operation: 'MERGE', value: { connect_timeout: '7s' } },
  });
  const host = 'shop.default.svc.cluster.local';
  for (const cluster of [{ service: host }, { name: `outbound|80||${host}` }, { service: host, portNumber: 80 }]) {
    const store = new Store();
    const filters = object({
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name: 'clusters', namespace: 'default' },
      spec: { configPatches: [patch(cluster)] },
    });
    store.transaction(() => [service('shop', 80), service('books', 81), filters].forEach((one) => store.upsert(one)));
    const waiting = { ...node('one'), metadata: { [deliveryKey]: 'demand' } };
    const configuration = createCompiler(store).configurationFor(waiting);
    const timeoutOf = (name: string) => {
      const resource = configuration.value.called?.(name).value;
      return fromBinary(ClusterSchema, resource?.bytes ?? new Uint8Array()).connectTimeout?.seconds;
    };
    assert.equal(timeoutOf(`outbound|80||${host}`), 7n);
    assert.equal(timeoutOf('outbound|80||10.96.0.1'), 7n);
    assert.equal(timeoutOf('outbound|81||10.96.0.2'), 10n);
  }
});

test('on demand a called cluster is patched too; patches of virtual hosts need all of them there', () => {
  const store = new Store();
  const ofClusters = object({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'clusters', namespace: 'default' },
    spec: { configPatches: [{ applyTo: 'CLUSTER', patch: { operation: 'MERGE', value: { alt_stat_name: 'patched' } } }] },
  });
  store.transaction(() => [service('shop', 80), ofClusters].forEach((one) => store.upsert(one)));
  const waiting = { ...node('one'), metadata: { LABELS: { app: 'one' }, [deliveryKey]: 'demand' } };
  const configuration = createCompiler(store, 'demand').configurationFor(waiting);
  assert.ok(!configuration.value.clusters.value.has('outbound|80||shop.default.svc.cluster.local'));
  const called = configuration.value.called?.('outbound|80||shop.default.svc.cluster.local').value;
  assert.match(Buffer.from(called?.bytes ?? []).toString('latin1'), /patched/);

  const listener = () => configuration.value.listeners.value.get('0.0.0.0_80')?.version;
  const before = listener();
  store.transaction(() => store.upsert(filter('headers', 'one', 'first')));
  assert.ok(before !== undefined && listener() === before, 'connections of before call for clusters as new ones do');
  assert.ok(configuration.value.clusters.value.has('outbound|80||shop.default.svc.cluster.local'));
  assert.match(Buffer.from(configuration.value.route('80').value?.bytes ?? []).toString('latin1'), /first/);
});
