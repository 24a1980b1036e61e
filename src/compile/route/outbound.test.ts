// A changed rule reaches the tables that have its host, and nothing else.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { effect } from '@preact/signals-core';
import { decode } from '../../api/decode.ts';
import { originOf } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { createCompiler } from '../compile.ts';
import { parseNode } from '../node.ts';
import { encodings, type Resource } from '../resource.ts';

function upsert(store: Store, kind: string, name: string, spec: object): void {
  const apiVersion = kind === 'Service' ? 'v1' : 'networking.istio.io/v1';
  const { object, diagnostics } = decode({ apiVersion, kind, metadata: { name, namespace: 'default' }, spec }, originOf('test'));
  assert.deepEqual(diagnostics, []);
  if (object !== undefined) store.upsert(object);
}

/** A mesh of two HTTP services at port 80 and one at 81, and what wakes when it changes. */
function watched() {
  const store = new Store();
  upsert(store, 'Service', 'a', { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }] });
  upsert(store, 'Service', 'b', { clusterIP: '10.96.0.2', ports: [{ name: 'http', port: 80 }] });
  upsert(store, 'Service', 'c', { clusterIP: '10.96.0.3', ports: [{ name: 'http', port: 81 }] });
  const node = parseNode({ id: 'sidecar~10.1.0.9~client.default~default.svc.cluster.local' });
  assert.ok(typeof node !== 'string');
  const configuration = createCompiler(store).configurationFor(node).value;
  const cells = {
    clusters: configuration.clusters,
    listeners: configuration.listeners,
    'table 80': configuration.route('80'),
    'table 81': configuration.route('81'),
  };
  const woken: string[] = [];
  for (const [name, cell] of Object.entries(cells)) {
    effect(() => {
      void cell.value;
      woken.push(name);
    });
  }
  woken.length = 0;
  return { store, woken, table: configuration.route('80') };
}

const ruled = (host: string, more: object = {}) => ({ hosts: [host], http: [{ route: [{ destination: { host } }], ...more }] });

test('rules for a host wake only readers of its table', () => {
  const { store, woken } = watched();
  upsert(store, 'VirtualService', 'a', ruled('a'));
  assert.deepEqual(woken, ['table 80']);
  upsert(store, 'VirtualService', 'a', ruled('a', { timeout: '1s' }));
  assert.deepEqual(woken, ['table 80', 'table 80']);
});

test('rules that say the same again wake nobody', () => {
  const { store, woken } = watched();
  upsert(store, 'VirtualService', 'a', ruled('a'));
  woken.length = 0;
  upsert(store, 'VirtualService', 'a', ruled('a'));
  assert.deepEqual(woken, []);
});

test('rules that say the same again are made into nothing again, whatever else their object says', () => {
  const { store } = watched();
  upsert(store, 'VirtualService', 'a', ruled('a'));
  const before = encodings.count;
  const { object } = decode(
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'a', namespace: 'default', annotations: { note: 'new' } },
      spec: ruled('a'),
    },
    originOf('elsewhere'),
  );
  assert.ok(object);
  store.upsert(object);
  assert.equal(encodings.count, before);
  upsert(store, 'VirtualService', 'a', ruled('a', { timeout: '2s' }));
  assert.notEqual(encodings.count, before);
});

test("one host's change leaves the bytes of others as they are", () => {
  const { store, table } = watched();
  const hostBytes = (resource: Resource | undefined): string => {
    const bytes = Buffer.from(resource?.bytes ?? []).toString('latin1');
    return bytes.slice(bytes.indexOf('b.default.svc.cluster.local:80'), bytes.indexOf('allow_any'));
  };
  const before = table.value;
  upsert(store, 'VirtualService', 'a', ruled('a', { timeout: '1s' }));
  assert.notEqual(table.value, before);
  assert.equal(hostBytes(table.value), hostBytes(before));
});

test("a delegate's change wakes the table of the host that hands over to it, whichever came first", () => {
  const { store, woken, table } = watched();
  const body = () => Buffer.from(table.value?.bytes ?? []).toString('latin1');
  upsert(store, 'VirtualService', 'a', { hosts: ['a'], http: [{ delegate: { name: 'part' } }] });
  upsert(store, 'VirtualService', 'part', { http: [{ name: 'first', route: [{ destination: { host: 'b' } }] }] });
  assert.match(body(), /first/);
  woken.length = 0;
  upsert(store, 'VirtualService', 'part', { http: [{ name: 'second', route: [{ destination: { host: 'b' } }] }] });
  assert.deepEqual(woken, ['table 80']);
  assert.match(body(), /second/);
  store.remove({ group: 'networking.istio.io', kind: 'VirtualService', namespace: 'default', name: 'part' });
  assert.doesNotMatch(body(), /second/);
});

test('what looks at no caller is shared by callers of all namespaces', () => {
  const { store, woken } = watched();
  upsert(store, 'VirtualService', 'elsewhere', { ...ruled('a'), exportTo: ['elsewhere'] });
  assert.deepEqual(woken, []);
});
