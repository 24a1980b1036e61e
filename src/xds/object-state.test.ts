import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refKey, type ObjectRef } from '../api/object.ts';
import type { Resource } from '../compile/resource.ts';
import { FakeCompiler, fake, fakeCluster } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, deltaPath } from './ads.ts';

const rule: ObjectRef = { group: 'networking.istio.io', kind: 'VirtualService', namespace: 'a', name: 'reviews' };
const other: ObjectRef = { ...rule, name: 'ratings' };
const causedBy = (resource: Resource, ...objects: ObjectRef[]): Resource => ({
  ...resource,
  causes: objects.map((object) => ({ object, path: [] })),
});

function setUp() {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const ads = adsHandlers({ compiler, clock, authorize: () => ({}) });
  const handler = ads.handlers[deltaPath];
  assert.ok(handler);
  const a = compiler.class('a');
  a.put('cluster', fakeCluster('c1'));
  a.put('listener', fake('l1'));
  a.put('route', causedBy(fake('r1'), rule), causedBy(fake('r2'), other));
  const proxy = (name: string, ...routes: string[]) => {
    const made = new DeltaProxy(handler, `sidecar~10.0.0.1~${name}.a~a.svc.cluster.local`);
    made.subscribe('cluster');
    made.subscribe('listener');
    if (routes.length > 0) made.subscribe('route', ...routes);
    return made;
  };
  const change = (work: () => void) => {
    clock.pass(200);
    work();
    clock.pass();
  };
  const states = (ref: ObjectRef) =>
    (ads.distribution.objects([refKey(ref)]).get(refKey(ref)) ?? []).map(({ node, state, message }) =>
      [node.name, state, message].filter(Boolean).join(' '),
    );
  const lacking = () => ads.distribution.lacking().map(({ name }) => name);
  return { a, ads, proxy, change, states, lacking };
}

test('an object counts for the proxies that ask for what it caused, from what is to be sent to the acknowledgement', () => {
  const { a, proxy, change, states, lacking } = setUp();
  const [one, two, three] = [proxy('one', 'r1'), proxy('two', 'r1', 'r2'), proxy('three')];
  for (const each of [one, two, three]) each.settle();
  assert.deepEqual(states(rule), ['one.a acknowledged', 'two.a acknowledged']);
  assert.deepEqual(states(other), ['two.a acknowledged']);
  assert.deepEqual(lacking(), []);
  change(() => a.put('route', causedBy(fake('r1', 'new'), rule)));
  assert.deepEqual(states(rule), ['one.a sent', 'two.a sent']);
  assert.deepEqual(lacking(), ['reviews']);
  one.settle();
  assert.deepEqual(states(rule), ['one.a acknowledged', 'two.a sent']);
  const [push] = two.take();
  assert.ok(push);
  two.nack(push, 'r1: no such cluster');
  assert.deepEqual(states(rule), ['one.a acknowledged', 'two.a rejected r1: no such cluster']);
});

test('what is changed and has not left counts as lacking at once', () => {
  const { a, proxy, states } = setUp();
  const one = proxy('one', 'r1');
  one.settle();
  a.put('route', causedBy(fake('r1', 'new'), rule));
  assert.deepEqual(states(rule), ['one.a pending']);
});

test('a route that waits for its clusters is lacking until it is acknowledged', () => {
  const { a, proxy, change, states } = setUp();
  const one = proxy('one', 'r1');
  one.settle();
  change(() => {
    a.put('cluster', causedBy(fakeCluster('c2'), other));
    a.put('route', causedBy(fake('r1', 'to c2'), rule));
  });
  assert.deepEqual(states(rule), ['one.a pending']);
  assert.deepEqual(states(other), ['one.a sent']);
  one.settle();
  assert.deepEqual([...states(rule), ...states(other)], ['one.a acknowledged', 'one.a acknowledged']);
});

test('a proxy that went is remembered until it is back', () => {
  const { ads, proxy } = setUp();
  const one = proxy('one', 'r1');
  one.close();
  assert.deepEqual(
    ads.distribution.departed().map(({ node: { name } }) => name),
    ['one.a'],
  );
  proxy('one', 'r1');
  assert.deepEqual(ads.distribution.departed(), []);
});
