import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf, type ApiObject } from '../api/object.ts';
import { StoreReader } from './reader.ts';
import { Store } from './store.ts';

const pod = (name: string): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'a', labels: {}, annotations: {} },
  body: {},
  origin: originOf('test'),
});

test('a reader follows the store until it is closed', () => {
  const store = new Store();
  store.upsert(pod('one'));
  const reader = new StoreReader(store);
  const names = reader.kind('', 'Pod').derive<string>(
    (a, b) => (a < b ? -1 : 1),
    ({ metadata: { name } }) => [[name, name]],
  );
  store.upsert(pod('two'));
  assert.deepEqual(names.all(), ['one', 'two']);
  assert.equal(reader.inNamespace('', 'Pod', 'a').length, 2);
  reader[Symbol.dispose]();
  store.upsert(pod('three'));
  assert.deepEqual(names.all(), ['one', 'two']);
  assert.equal(store.kind('', 'Pod').all().length, 3);
});
