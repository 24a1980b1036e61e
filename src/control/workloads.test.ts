import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode } from '../api/decode.ts';
import { originOf } from '../api/object.ts';
import { findPods, podName, type PodName } from './workloads.ts';

const pod = (name: string, workload: string, namespace = 'default', kind: PodName['kind'] = 'Deployment'): PodName => ({
  name,
  workload,
  namespace,
  kind,
});
const pods = [
  pod('web-v1-5f-b', 'web-v1'),
  pod('web-v1-5f-a', 'web-v1'),
  pod('db-0', 'db', 'shop', 'StatefulSet'),
  pod('alone', 'alone', 'default', 'Pod'),
  pod('odd.name', 'odd.name', 'shop', 'Pod'),
];

describe('findPods', () => {
  const found: [text: string, namespace: string | undefined, pods: string[]][] = [
    ['web-v1', undefined, ['web-v1-5f-a', 'web-v1-5f-b']],
    ['deploy/web-v1', undefined, ['web-v1-5f-a', 'web-v1-5f-b']],
    ['web-v1-5f-b', undefined, ['web-v1-5f-b']],
    ['pod/web-v1-5f-b', undefined, ['web-v1-5f-b']],
    ['db', 'shop', ['db-0']],
    ['db.shop', undefined, ['db-0']],
    ['sts/db.shop', undefined, ['db-0']],
    ['odd.name', 'shop', ['odd.name']],
    ['odd.name.shop', undefined, ['odd.name']],
  ];
  for (const [text, namespace, names] of found) {
    it(`takes ${text}${namespace === undefined ? '' : ` in ${namespace}`}`, () => {
      const result = findPods(pods, text, namespace);
      assert.ok('pods' in result);
      assert.deepEqual(
        result.pods.map(({ name }) => name),
        names,
      );
    });
  }

  const missing: [text: string, message: RegExp, help: RegExp][] = [
    ['web-v2', /no workload or pod web-v2 in namespace default/, /did you mean web-v1\?/],
    ['db', /in namespace default/, /namespace shop: add -n shop/],
    ['deploy/alone', /no workload/, /./],
    ['svc/web-v1', /svc is not something that runs/, /deploy\/NAME/],
    ['something-else-entirely', /no workload/, /there are: alone, web-v1/],
  ];
  for (const [text, message, help] of missing) {
    it(`says what to do about ${text}`, () => {
      const result = findPods(pods, text);
      assert.ok('message' in result);
      assert.match(result.message, message);
      assert.match(result.help, help);
    });
  }
});

describe('podName', () => {
  const named = (metadata: object): PodName => {
    const document = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const { object } = decode(document, originOf('test'));
    assert.ok(object);
    return podName(object);
  };
  const owned = (kind: string, name: string): object[] => [{ apiVersion: 'apps/v1', kind, name, uid: 'u' }];

  it('tells what made a pod', () => {
    const labels = { 'pod-template-hash': '5f' };
    assert.equal(named({ name: 'web-5f-a', labels, ownerReferences: owned('ReplicaSet', 'web-5f') }).workload, 'web');
    assert.equal(named({ name: 'web-5f-a', ownerReferences: owned('Deployment', 'web') }).workload, 'web');
    assert.equal(named({ name: 'db-0', ownerReferences: owned('StatefulSet', 'db') }).kind, 'StatefulSet');
    assert.deepEqual(named({ name: 'alone' }), { namespace: 'default', name: 'alone', workload: 'alone', kind: 'Pod' });
  });
});
