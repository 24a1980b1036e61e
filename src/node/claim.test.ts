import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketClaims } from './claim.ts';
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
const identity = 'spiffe://cluster.local/ns/default/sa/reviews';
const unix = (address: string) => ({ peer: { transport: 'unix', address, certificates: [] } as const });

const claims = new SocketClaims();
claims.hold('/run/reviews', own, identity);

/** The refusal's words for a node on the socket of `own`. */
function refusal(claimed: Parameters<SocketClaims['authorize']>[0]): string {
  const verdict = claims.authorize(claimed, unix('/run/reviews'));
  assert.ok('refused' in verdict);
  assert.equal(verdict.refused.code, 7);
  return verdict.refused.message;
}

test('a node has Istio’s id, cluster and metadata', () => {
  assert.equal(own.id, 'sidecar~10.9.0.1~reviews-v1-0.default~default.svc.cluster.local');
  assert.equal(own.cluster, 'reviews.default');
  assert.equal(own.metadata?.['INSTANCE_IPS'], '10.9.0.1,fd00::1');
  assert.equal(own.metadata?.['INTERCEPTION_MODE'], 'REDIRECT');
});

test('a workload may speak for itself, in whatever order its metadata comes', () => {
  const metadata = { ...own.metadata, LABELS: { version: 'v1', app: 'reviews' }, EXTRA: 1 };
  assert.deepEqual(claims.authorize({ id: own.id, metadata }, unix('/run/reviews')), { identity });
});

test('another’s id is refused, and the message names both', () => {
  const other = proxyNode({ ...description, name: 'ratings-v1-0' });
  const message = refusal(other);
  assert.ok(message.includes(own.id) && message.includes(other.id), message);
});

for (const [what, claimed] of Object.entries({
  'another namespace': { ...description, metadata: { NAMESPACE: 'admin' } },
  'another service account': { ...description, serviceAccount: 'admin' },
  'other labels': { ...description, labels: { istio: 'ingressgateway' } },
})) {
  test(`${what} under the right id is refused`, () => {
    assert.match(refusal(proxyNode(claimed)), /is known with (NAMESPACE|SERVICE_ACCOUNT|LABELS)/);
  });
}

test('a claim of any length makes a short message', () => {
  assert.ok(refusal({ id: 'x'.repeat(100_000) }).length < 500);
  assert.ok(refusal({ id: own.id, metadata: { NAMESPACE: 'x'.repeat(100_000) } }).length < 500);
});

test('a socket is nobody’s before and after, and TCP proves nothing', () => {
  const some = new SocketClaims();
  assert.ok('refused' in some.authorize(own, unix('/run/a')));
  const held = some.hold('/run/a', own, identity);
  assert.ok('identity' in some.authorize(own, unix('/run/a')));
  assert.ok('refused' in some.authorize(own, { peer: { transport: 'tcp', address: '/run/a', certificates: [] } }));
  some.hold('/run/a', proxyNode({ ...description, name: 'next' }), identity);
  held[Symbol.dispose]();
  assert.ok('identity' in some.authorize(proxyNode({ ...description, name: 'next' }), unix('/run/a')), 'the next holder stays');
});
