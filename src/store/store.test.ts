import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect } from '@preact/signals-core';
import { originOf, type ApiObject } from '../api/object.ts';
import { Store } from './store.ts';

const service = (name: string, namespace: string, creationTimestamp?: string): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, labels: {}, annotations: {}, ...(creationTimestamp !== undefined && { creationTimestamp }) },
  body: {},
  origin: originOf('test'),
});

test('objects stand oldest first; one without an age counts as the oldest; ties go by name, then namespace', () => {
  const store = new Store();
  for (const object of [
    service('young', 'a', '2026-02-01T00:00:00Z'),
    service('old', 'a', '2025-01-01T00:00:00Z'),
    service('b', 'z'),
    service('b', 'a'),
    service('a', 'z'),
  ]) {
    store.upsert(object);
  }
  const names = store
    .kind('', 'Service')
    .all()
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  assert.deepEqual(names, ['z/a', 'a/b', 'z/b', 'a/old', 'a/young']);
});

test('all served versions of a kind are one kind', () => {
  const store = new Store();
  const rule = (apiVersion: string, name: string): ApiObject => ({ ...service(name, 'a'), apiVersion, kind: 'DestinationRule' });
  store.upsert(rule('networking.istio.io/v1', 'one'));
  store.upsert(rule('networking.istio.io/v1alpha3', 'two'));
  assert.equal(store.kind('networking.istio.io', 'DestinationRule').all().length, 2);
});

test('a transaction is one change to who watches a namespace', () => {
  const store = new Store();
  let seen: string[] = [];
  let runs = 0;
  const end = effect(() => {
    runs += 1;
    seen = store.inNamespace('', 'Service', 'a').map(({ metadata }) => metadata.name);
  });
  store.transaction(() => {
    store.upsert(service('one', 'a'));
    store.upsert(service('two', 'a'));
    store.upsert(service('elsewhere', 'b'));
  });
  assert.deepEqual([runs, seen], [2, ['one', 'two']]);
  store.remove({ group: '', kind: 'Service', namespace: 'a', name: 'one' });
  assert.deepEqual([runs, seen], [3, ['two']]);
  assert.equal(store.get({ group: '', kind: 'Service', namespace: 'a', name: 'one' }), undefined);
  end();
});
