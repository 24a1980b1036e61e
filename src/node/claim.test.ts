import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimRefusal } from './claim.ts';
import { type ProxyDescription, proxyNode } from './proxy-node.ts';

const description: ProxyDescription = {
  kind: 'sidecar',
  name: 'reviews-v1-0',
  namespace: 'default',
  serviceAccount: 'reviews',
  labels: { app: 'reviews', version: 'v1' },
  annotations: {},
  addresses: ['10.9.0.1', 'fd00::1'],
  workloadName: 'reviews-v1',
  domain: 'cluster.local',
  clusterId: 'Kubernetes',
  meshId: 'cluster.local',
  istioVersion: '1.30.0',
  interceptionMode: 'REDIRECT',
};
const own = proxyNode(description);

test('a node has Istio’s id, cluster and metadata', () => {
  assert.equal(own.id, 'sidecar~10.9.0.1~reviews-v1-0.default~default.svc.cluster.local');
  assert.equal(own.cluster, 'reviews.default');
  assert.equal(own.metadata?.['INSTANCE_IPS'], '10.9.0.1,fd00::1');
  assert.equal(own.metadata?.['INTERCEPTION_MODE'], 'REDIRECT');
});

test('a workload may speak for itself, in whatever order its metadata comes', () => {
  const metadata = { ...own.metadata, LABELS: { version: 'v1', app: 'reviews' }, EXTRA: 1 };
  assert.equal(claimRefusal(own, { id: own.id, metadata }), undefined);
});

test('another’s id is refused, and the message names both', () => {
  const other = proxyNode({ ...description, name: 'ratings-v1-0' });
  const message = claimRefusal(own, other) ?? '';
  assert.ok(message.includes(own.id) && message.includes(other.id), message);
});

for (const [what, claimed] of Object.entries({
  'another namespace': { ...description, metadata: { NAMESPACE: 'admin' } },
  'another service account': { ...description, serviceAccount: 'admin' },
  'other labels': { ...description, labels: { istio: 'ingressgateway' } },
})) {
  test(`${what} under the right id is refused`, () => {
    assert.match(claimRefusal(own, proxyNode(claimed)) ?? '', /is known with (NAMESPACE|SERVICE_ACCOUNT|LABELS)/);
  });
}

test('a claim of any length makes a short message', () => {
  assert.ok((claimRefusal(own, { id: 'x'.repeat(100_000) }) ?? '').length < 500);
  assert.ok((claimRefusal(own, { id: own.id, metadata: { NAMESPACE: 'x'.repeat(100_000) } }) ?? '').length < 500);
});
