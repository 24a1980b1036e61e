import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRefusal } from './refusal.ts';
import { formatSpiffeId, parseSpiffeId } from './spiffe.ts';

test('an id is read and written back', () => {
  const id = parseSpiffeId('spiffe://cluster.local/ns/default/sa/bookinfo-reviews');
  assert.deepEqual(id, { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'bookinfo-reviews' });
  assert.ok(!isRefusal(id));
  assert.equal(formatSpiffeId(id), 'spiffe://cluster.local/ns/default/sa/bookinfo-reviews');
});

test('odd ids are refused', () => {
  const odd = [
    '',
    'spiffe://',
    'cluster.local/ns/a/sa/b',
    'SPIFFE://cluster.local/ns/a/sa/b',
    'spiffe://Cluster.local/ns/a/sa/b',
    'spiffe:///ns/a/sa/b',
    'spiffe://td/ns//sa/b',
    'spiffe://td/ns/a/sa/',
    'spiffe://td/ns/a/sa/b/',
    'spiffe://td/ns/a/sa/b\n',
    ' spiffe://td/ns/a/sa/b',
    'spiffe://td/ns/a/sa/b?x=1',
    'spiffe://td/ns/a/sa/b#c',
    'spiffe://td:443/ns/a/sa/b',
    'spiffe://u@td/ns/a/sa/b',
    'spiffe://td/ns/../sa/b',
    'spiffe://td/ns/a/sa/.',
    'spiffe://td/ns/a%2fb/sa/c',
    'spiffe://td/ns/a/sb/c',
    'spiffe://td/ns/ä/sa/c',
    `spiffe://td/ns/${'a'.repeat(3000)}/sa/c`,
  ];
  for (const text of odd) assert.ok(isRefusal(parseSpiffeId(text)), text);
});

test('what can be written can be read, and what is read is written the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (trustDomain, namespace, serviceAccount) => {
      const read = parseSpiffeId(`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
      if (!isRefusal(read)) assert.deepEqual(read, { trustDomain, namespace, serviceAccount });
    }),
  );
});

test('an id with parts that could not be read back is not written', () => {
  assert.throws(() => formatSpiffeId({ trustDomain: 'td', namespace: 'a/sa/admin', serviceAccount: 'b' }), TypeError);
});
