import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect } from '@preact/signals-core';
import { decode } from '../api/decode.ts';
import { originOf, type ApiObject } from '../api/object.ts';
import { ClusterObjects, Store } from '../store/store.ts';
import { createCompiler } from './compile.ts';
import { parseNode } from './node.ts';

const object = (document: object): ApiObject => {
  const { object: decoded } = decode(document as Record<string, unknown>, originOf('test'));
  assert.ok(decoded);
  return decoded;
};

const service = object({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'db', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'tcp', port: 9000 }] },
});

const serving = (...addresses: string[]) =>
  object({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'db', namespace: 'default' },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'tcp', port: 9000 }] }],
  });

test('a live mesh follows the objects of its clusters, clusters that join and leave, and its networks', () => {
  const store = new Store();
  const east = new ClusterObjects();
  for (const cluster of [store, east]) cluster.upsert(service);
  store.upsert(serving('10.1.0.1'));
  east.upsert(serving('10.2.0.1'));
  const node = parseNode({
    id: 'sidecar~10.1.0.9~client.default~default.svc.cluster.local',
    metadata: { NAMESPACE: 'default', NETWORK: 'a' },
  });
  assert.ok(typeof node !== 'string');
  const configuration = createCompiler(store).configurationFor(node);
  let seen: string[] = [];
  const end = effect(() => {
    const { bytes } = configuration.value.endpoints('outbound|9000||db.default.svc.cluster.local').value ?? {};
    seen =
      Buffer.from(bytes ?? [])
        .toString('latin1')
        .match(/10\.\d\.0\.\d/g)
        ?.toSorted() ?? [];
  });
  assert.deepEqual(seen, ['10.1.0.1']);
  store.remoteClusters.value = new Map([['east', east]]);
  assert.deepEqual(seen, ['10.1.0.1', '10.2.0.1']);
  east.upsert(serving('10.2.0.2', '10.2.0.3'));
  assert.deepEqual(seen, ['10.1.0.1', '10.2.0.2', '10.2.0.3']);
  // No endpoint there takes mutual TLS, so none is reached through a gateway.
  store.meshNetworks.value = {
    b: { endpoints: [{ fromRegistry: 'east' }], gateways: [{ address: '192.0.2.1', port: 15443 }] },
  };
  assert.deepEqual(seen, ['10.1.0.1']);
  store.meshNetworks.value = {};
  assert.deepEqual(seen, ['10.1.0.1', '10.2.0.2', '10.2.0.3']);
  store.remove({ group: '', kind: 'Endpoints', namespace: 'default', name: 'db' });
  assert.deepEqual(seen, ['10.2.0.2', '10.2.0.3']);
  store.remoteClusters.value = new Map();
  assert.deepEqual(seen, []);
  end();
});

test('gateways of two clusters that name one Secret each get the one of their own cluster', () => {
  const store = new Store();
  const east = new ClusterObjects();
  const secret = (cert: string) =>
    object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'site', namespace: 'edge' }, stringData: { cert, key: 'key' } });
  store.upsert(secret('chain of primary'));
  east.upsert(secret('chain of east'));
  store.remoteClusters.value = new Map([['east', east]]);
  const compiler = createCompiler(store);
  const ends: (() => void)[] = [];
  const shown = ['Kubernetes', 'east'].map((cluster) => {
    const node = parseNode({
      id: 'router~10.1.0.5~gw.edge~edge.svc.cluster.local',
      metadata: { NAMESPACE: 'edge', CLUSTER_ID: cluster },
    });
    assert.ok(typeof node !== 'string');
    let text = '';
    ends.push(
      effect(() => {
        text = Buffer.from(compiler.configurationFor(node).value.secret('kubernetes://site').value?.bytes ?? []).toString(
          'latin1',
        );
      }),
    );
    return /chain of \w+/.exec(text)?.[0];
  });
  for (const end of ends) end();
  assert.deepEqual(shown, ['chain of primary', 'chain of east']);
});
