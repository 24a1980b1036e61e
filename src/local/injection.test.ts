// Which labels a proxy gives its pod.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshLabels } from './injection.ts';

test('callers are told of mutual TLS where a sidecar takes it; what a gateway takes its Gateways say', () => {
  const own = { app: 'a', version: 'v2' };
  const named = { 'service.istio.io/canonical-name': 'a', 'service.istio.io/canonical-revision': 'v2' };
  assert.deepEqual(meshLabels(own, 'sidecar', 'w'), { ...own, ...named, 'security.istio.io/tlsMode': 'istio' });
  assert.deepEqual(meshLabels(own, 'router', 'w'), { ...own, ...named });
  assert.deepEqual(meshLabels(own, 'none', 'w'), own);
});

test("what the manifest says counts over the injector's word", () => {
  const own = { 'security.istio.io/tlsMode': 'disabled' };
  assert.equal(meshLabels(own, 'sidecar', 'w')['security.istio.io/tlsMode'], 'disabled');
});
