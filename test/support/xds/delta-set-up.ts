// An ADS server over a compiler of signals, and delta proxies of it: what the tests of one stream start with.

import assert from 'node:assert/strict';
import { adsHandlers, deltaPath, type AdsOptions } from '../../../src/xds/ads.ts';
import { FakeCompiler, fake, fakeCluster } from './fake-compiler.ts';
import { DeltaProxy } from './fake-proxy.ts';
import { ManualClock } from './manual-clock.ts';

export const nodeId = (name: string, namespace = 'a') => `sidecar~10.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`;

export function setUp(more: Partial<AdsOptions> = {}) {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const ads = adsHandlers({ compiler, clock, authorize: () => ({}), ...more });
  const handler = ads.handlers[deltaPath];
  assert.ok(handler);
  const proxy = (name = 'p', namespace = 'a') => new DeltaProxy(handler, nodeId(name, namespace));
  return { compiler, clock, ads, proxy, a: compiler.class('a') };
}

/** A proxy of class `a` that has everything: one cluster with endpoints, one listener, one route table. */
export function running() {
  const all = setUp();
  const { a } = all;
  a.put('cluster', fakeCluster('c1'));
  a.put('endpoint', fake('c1'));
  a.put('listener', fake('l1'));
  a.put('route', fake('r1'));
  const proxy = all.proxy();
  proxy.subscribe('cluster');
  proxy.subscribe('endpoint', 'c1');
  proxy.subscribe('listener');
  proxy.subscribe('route', 'r1');
  assert.deepEqual(proxy.settle(), ['cluster c1', 'endpoint c1', 'listener l1', 'route r1']);
  all.clock.pass(1000);
  return { ...all, proxy };
}

/** A change after a quiet time, so that it leaves at once. */
export const change = (clock: ManualClock, work: () => void) => {
  clock.pass(200);
  work();
  clock.pass();
};
