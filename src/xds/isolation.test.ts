import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCompiler, fake, fakeCluster } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy, described, SotwProxy, type Got } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, deltaPath, sotwPath } from './ads.ts';

const nodeId = 'sidecar~10.0.0.1~p.a~a.svc.cluster.local';

function running(protocol: 'delta' | 'sotw') {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const ads = adsHandlers({ compiler, clock, authorize: () => ({}) });
  const a = compiler.class('a');
  a.put('cluster', fakeCluster('c1'));
  a.put('listener', fake('l1'), fake('l2'));
  a.put('route', fake('r1'), fake('r2'));
  const handler = ads.handlers[protocol === 'delta' ? deltaPath : sotwPath];
  assert.ok(handler);
  const proxy = protocol === 'delta' ? new DeltaProxy(handler, nodeId) : new SotwProxy(handler, nodeId);
  proxy.subscribe('cluster');
  proxy.subscribe('listener');
  proxy.subscribe('route', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6');
  proxy.settle();
  clock.pass(1000);
  const change = (work: () => void) => {
    clock.pass(200);
    work();
    clock.pass();
  };
  const refused = () =>
    (ads.distribution.list()[0]?.types ?? []).flatMap(({ rejected }) =>
      rejected.map(({ name, message }) => `${name}: ${message}`),
    );
  const refuse = ({ type, nonce }: Got, message: string) =>
    proxy.send(type, { responseNonce: nonce, errorDetail: { code: 13, message } });
  /** Refuses whatever brings a bad resource, without a name, and accepts the rest; what was sent on the way. */
  const answer = (bad: (got: Got) => boolean, message = 'Proto constraint validation failed') => {
    const sent: string[] = [];
    for (let got = proxy.take(); got.length > 0; got = proxy.take()) {
      for (const each of got) {
        sent.push(described(each));
        if (bad(each)) refuse(each, message);
        else proxy.ack(each);
      }
    }
    return sent;
  };
  return { a, ads, clock, proxy, change, refused, refuse, answer, settled: () => ads.distribution.settled };
}

test('delta: of a refused response what its text does not name goes out again at once, removals too', () => {
  const { a, proxy, change, refused, refuse } = running('delta');
  change(() => {
    a.put('listener', fake('l1', 'bad'), fake('l3'));
    a.drop('listener', 'l2');
  });
  const [got] = proxy.take();
  assert.ok(got);
  assert.equal(described(got), 'listener l1 l3');
  refuse(got, 'Error adding/updating listener(s) l1: no such filter');
  assert.deepEqual(proxy.settle(), ['listener l3', 'listener -l2']);
  assert.deepEqual(refused(), ['l1: Error adding/updating listener(s) l1: no such filter']);
});

test('delta: a bad resource that no text names is found by halves, and the others arrive', () => {
  const { a, change, answer, refused, settled } = running('delta');
  const names = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
  change(() => a.put('route', ...names.map((name) => fake(name, 'new'))));
  const sent = answer(({ names: got }) => got.includes('r5'));
  assert.deepEqual(sent, [
    'route r1 r2 r3 r4 r5 r6',
    'route r1 r2 r3',
    'route r4 r5 r6',
    'route r4 r5',
    'route r4',
    'route r5',
    'route r6',
  ]);
  assert.deepEqual(refused(), ['r5: Proto constraint validation failed']);
  change(() => a.put('route', fake('r1', 'newer')));
  assert.deepEqual(
    answer(() => false),
    ['route r1'],
    'what was refused is not sent again with others',
  );
  assert.equal(settled(), false);
  change(() => a.put('route', fake('r5', 'mended')));
  assert.deepEqual(
    answer(() => false),
    ['route r5'],
  );
  assert.deepEqual([refused(), settled()], [[], true]);
});

test('delta: what changes while it is in doubt is tried in its newest form', () => {
  const { a, proxy, change, refuse, answer, refused } = running('delta');
  change(() => a.put('route', fake('r1', 'new'), fake('r2', 'bad')));
  const [both] = proxy.take();
  assert.ok(both);
  refuse(both, 'no');
  const [first] = proxy.take();
  assert.ok(first);
  assert.equal(described(first), 'route r1');
  change(() => a.put('route', fake('r2', 'good')));
  assert.deepEqual(proxy.took(), []);
  proxy.ack(first);
  assert.deepEqual(
    answer(() => false),
    ['route r2'],
  );
  assert.deepEqual(refused(), []);
});

test('delta: the search for what is bad is bounded', () => {
  const { a, change, answer, refused } = running('delta');
  const many = Array.from({ length: 200 }, (_, index) => fake(`x${index}`));
  change(() => a.put('listener', ...many));
  const sent = answer(({ type }) => type === 'listener', 'no');
  assert.ok(sent.length < 200, `${sent.length} responses`);
  assert.equal(refused().length, 200);
});

test('sotw: the state goes on with the bad resource in its last good form', () => {
  const { a, proxy, change, refused, refuse, settled } = running('sotw');
  change(() => a.put('listener', fake('l1', 'bad'), fake('l2', 'new'), fake('l3')));
  const [got] = proxy.take();
  assert.ok(got);
  refuse(got, 'l1: no such filter');
  const [rest] = proxy.take();
  assert.ok(rest);
  assert.deepEqual(rest.contents, ['l1=', 'l2=new', 'l3=']);
  assert.notEqual(rest.version, got.version);
  proxy.ack(rest);
  assert.deepEqual(refused(), ['l1: l1: no such filter']);
  change(() => a.put('listener', fake('l4')));
  const [more] = proxy.take();
  assert.ok(more);
  assert.deepEqual(more.contents, ['l1=', 'l2=new', 'l3=', 'l4=']);
  proxy.ack(more);
  assert.equal(refused().length, 1);
  change(() => a.put('listener', fake('l1', 'good')));
  proxy.settle();
  assert.deepEqual([refused(), settled()], [[], true]);
});

test('sotw: found by halves; a new resource that is bad stands in no state', () => {
  const { a, change, answer, refused } = running('sotw');
  change(() => a.put('listener', fake('l3'), fake('l4'), fake('l5', 'bad')));
  const sent = answer(({ type, contents }) => type === 'listener' && contents.includes('l5=bad'));
  assert.deepEqual(sent, ['listener l1 l2 l3 l4 l5', 'listener l1 l2 l3 l4', 'listener l1 l2 l3 l4 l5']);
  assert.deepEqual(refused(), ['l5: Proto constraint validation failed']);
  change(() => a.put('listener', fake('l2', 'new')));
  assert.deepEqual(
    answer(() => false),
    ['listener l1 l2 l3 l4'],
  );
});
