import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import { originOf } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { cellText, listObjects } from './objects.ts';

function storeWith(...documents: object[]): Store {
  const store = new Store();
  for (const document of documents) {
    const { object } = decode(document, originOf('test'));
    assert.ok(object);
    store.upsert(object);
  }
  return store;
}

const all = { names: [], namespace: undefined, selector: undefined };

test('lists and maps are cells that a person can read', () => {
  assert.equal(cellText(['a', 'b']), 'a,b');
  assert.equal(cellText({ app: 'details', version: 'v1' }), 'app=details,version=v1');
  assert.equal(cellText([{ a: 1 }]), '[{"a":1}]');
  assert.equal(cellText(undefined), '');
  assert.equal(cellText(false), 'false');
});

test('an object has its namespace, also where its manifest names none; one of the cluster has none', () => {
  const store = storeWith(
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } },
  );
  const { kinds } = listObjects({ ...all, kinds: 'svc,ns' }, store);
  assert.deepEqual(
    kinds.map(({ items }) => items[0]?.document['metadata']),
    [{ name: 's', namespace: 'default' }, { name: 'n' }],
  );
});
