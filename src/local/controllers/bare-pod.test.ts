// What a person's Pod gets besides what it says, and that it gets it once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newObject } from '../objects.ts';
import { admitPod } from './bare-pod.ts';

const pod = (more: object = {}) =>
  newObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', labels: { app: 'shop', version: 'v2' }, ...more },
    spec: { containers: [] },
  });

test('a pod gets a uid, a service account and the labels of the mesh, and then stays as it is', () => {
  // A store that gives uids must not keep the rest from it.
  for (const object of [pod(), pod({ uid: 'u' })]) {
    const admitted = admitPod(object, 'u', undefined);
    assert.equal(admitted.metadata.uid, 'u');
    assert.deepEqual(admitted.metadata.labels, {
      'security.istio.io/tlsMode': 'istio',
      'service.istio.io/canonical-name': 'shop',
      'service.istio.io/canonical-revision': 'v2',
      app: 'shop',
      version: 'v2',
    });
    assert.equal((admitted.body as { spec: { serviceAccountName: string } }).spec.serviceAccountName, 'default');
    assert.equal(admitPod(admitted, 'u', undefined), admitted);
  }
});

test('a namespace or the pod itself can say no', () => {
  const off = newObject({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'default', namespace: '', labels: { 'istio-injection': 'disabled' } },
  });
  assert.equal(admitPod(pod(), 'u', off).metadata.labels['security.istio.io/tlsMode'], undefined);
  const label = { labels: { 'sidecar.istio.io/inject': 'false' } };
  assert.deepEqual(admitPod(pod(label), 'u', undefined).metadata.labels, label.labels);
  const yes = { labels: { 'sidecar.istio.io/inject': 'true' } };
  assert.equal(admitPod(pod(yes), 'u', off).metadata.labels['security.istio.io/tlsMode'], 'istio');
});
