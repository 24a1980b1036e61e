import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { FakeCompiler, fake } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, deltaPath } from './ads.ts';
import { xdsMetrics } from './metrics.ts';
import { mentioned } from './rejection.ts';

test("pushes, refusals and times are counted under Istio's names", async () => {
  const registry = new Registry();
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const handler = adsHandlers({ compiler, clock, authorize: () => ({}), metrics: xdsMetrics(registry) }).handlers[deltaPath];
  assert.ok(handler);
  const proxy = new DeltaProxy(handler, 'sidecar~10.0.0.1~p.a~a.svc.cluster.local');
  proxy.subscribe('listener');
  proxy.settle();
  compiler.class('a').put('listener', fake('l1'));
  clock.pass();
  const [got] = proxy.take();
  assert.ok(got);
  clock.pass(250);
  proxy.nack(got, 'l1: no');
  proxy.send('listener', { responseNonce: 'never sent' });
  const lines = new Set((await registry.metrics()).split('\n'));
  for (const line of [
    'pilot_xds 1',
    'pilot_xds_pushes{type="lds"} 2',
    'pilot_total_xds_rejects{type="lds"} 1',
    'pilot_xds_expired_nonce{type="lds"} 1',
    'pilot_proxy_convergence_time_sum 0.25',
    'lateen_xds_change_time_count 1',
  ]) {
    assert.ok(lines.has(line), line);
  }
});

test('a refusal is filed against what its text names', () => {
  const pushed = ['0.0.0.0_80', '0.0.0.0_8080', 'a.b', 'a'].map((name) => fake(name));
  const names = (text: string) => mentioned(pushed, text).map(({ name }) => name);
  assert.deepEqual(names('Error adding/updating listener(s) 0.0.0.0_8080: bad, a.b: worse'), ['0.0.0.0_8080', 'a.b']);
  assert.deepEqual(names("cannot use 'a'."), ['a']);
  assert.deepEqual(names('no name at all'), []);
});
