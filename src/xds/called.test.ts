import { test } from 'node:test';
import assert from 'node:assert/strict';
import { FakeCompiler, called, fake, together } from '../../test/support/xds/fake-compiler.ts';
import { DeltaProxy } from '../../test/support/xds/fake-proxy.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { adsHandlers, calledPath, deltaPath, type AdsOptions } from './ads.ts';

const id = 'sidecar~10.0.0.1~p.a~a.svc.cluster.local';

/** A proxy with both of its streams. Both types of clusters have one URL, so answers on either are described as clusters. */
function setUp(more: Partial<AdsOptions> = {}) {
  const compiler = new FakeCompiler();
  const clock = new ManualClock();
  const ads = adsHandlers({ compiler, clock, authorize: () => ({}), ...more });
  const open = (path: string) => {
    const handler = ads.handlers[path];
    assert.ok(handler);
    return new DeltaProxy(handler, id);
  };
  const a = compiler.class('a');
  const change = (work: () => void) => {
    clock.pass(200);
    together(work);
    clock.pass();
  };
  return { ads, clock, a, change, open, main: open(deltaPath), demand: open(calledPath) };
}

test('a name is answered at once, known or not, and nothing is sent unasked', () => {
  const { a, demand, change } = setUp();
  demand.subscribe('called');
  assert.deepEqual(demand.settle(), []);
  a.put('called', called('known'));
  demand.subscribe('called', 'known');
  assert.deepEqual(demand.settle(), ['cluster known']);
  demand.subscribe('called', 'unknown');
  assert.deepEqual(demand.settle(), ['cluster unknown']);
  change(() => a.put('called', called('unknown')));
  assert.deepEqual(demand.settle(), ['cluster unknown']);
});

test('a cluster that goes is replaced, never taken away, and not while a route may lead to it', () => {
  const { a, main, demand, change, clock } = setUp();
  a.put('called', called('c'));
  a.put('listener', fake('l'));
  a.put('route', fake('r', 'to c'));
  main.subscribe('listener');
  main.subscribe('route', 'r');
  main.settle();
  demand.subscribe('called', 'c');
  assert.deepEqual(demand.settle(), ['cluster c']);
  change(() => {
    a.drop('called', 'c');
    a.put('route', fake('r', 'elsewhere'));
  });
  const [route] = main.take();
  assert.ok(route);
  assert.deepEqual(demand.took(), []);
  clock.pass(400);
  assert.deepEqual(demand.took(), []);
  main.ack(route);
  clock.pass(400);
  assert.deepEqual(demand.took(), ['cluster c']);
});

test('endpoints that a proxy has are sent again when it has taken a change of their cluster', () => {
  const { a, main, demand, change } = setUp();
  a.put('called', called('c'));
  a.put('endpoint', fake('c'));
  demand.subscribe('called', 'c');
  demand.settle();
  main.subscribe('endpoint', 'c');
  assert.deepEqual(main.settle(), ['endpoint c']);
  change(() => a.put('called', called('c', 'changed')));
  const [cluster] = demand.take();
  assert.ok(cluster);
  assert.deepEqual(main.settle(), []);
  demand.ack(cluster);
  assert.deepEqual(main.settle(), ['endpoint c']);
});

test('a proxy that comes back is sent what changed and keeps the rest', () => {
  const { a, demand, open } = setUp();
  a.put('called', called('c1'), called('c2'));
  demand.subscribe('called', 'c1', 'c2');
  demand.settle();
  const initialResourceVersions = Object.fromEntries(demand.held.get('cluster') ?? []);
  demand.close();
  a.put('called', called('c2', 'changed'));
  const again = open(calledPath);
  again.send('called', { resourceNamesSubscribe: ['c1', 'c2', 'c3'], initialResourceVersions });
  assert.deepEqual(again.settle(), ['cluster c2 c3']);
});

/** What a proxy says first on a stream that it opens again. */
const comesBack = (proxy: DeltaProxy, type: 'called' | 'cluster' | 'endpoint' | 'listener' | 'route') => {
  const kept = proxy.held.get(type === 'called' ? 'cluster' : type) ?? new Map<string, string>();
  return { resourceNamesSubscribe: [...kept.keys()], initialResourceVersions: Object.fromEntries(kept) };
};

for (const first of ['called', 'main'] as const) {
  test(`endpoints follow a cluster that changed while its proxy was away, which opens its ${first} stream first`, () => {
    const { a, main, demand, open } = setUp();
    a.put('called', called('c'), called('d'));
    a.put('endpoint', fake('c'), fake('d'));
    demand.subscribe('called', 'c', 'd');
    demand.settle();
    main.subscribe('endpoint', 'c', 'd');
    main.settle();
    demand.close();
    main.close();
    a.put('called', called('c', 'changed'));
    const [nextDemand, nextMain] = [open(calledPath), open(deltaPath)];
    const back = {
      called() {
        nextDemand.send('called', comesBack(demand, 'called'));
        assert.deepEqual(nextDemand.settle(), ['cluster c']);
      },
      main() {
        nextMain.send('endpoint', comesBack(main, 'endpoint'));
      },
    };
    back[first]();
    back[first === 'called' ? 'main' : 'called']();
    assert.deepEqual(nextMain.settle(), ['endpoint c']);
  });
}

test('endpoints follow a cluster that changed while only the stream that brings them was away', () => {
  const { a, main, demand, change, open } = setUp();
  a.put('called', called('c'));
  a.put('endpoint', fake('c'));
  demand.subscribe('called', 'c');
  demand.settle();
  main.subscribe('endpoint', 'c');
  main.settle();
  main.close();
  change(() => a.put('called', called('c', 'changed')));
  assert.deepEqual(demand.settle(), ['cluster c']);
  const next = open(deltaPath);
  next.send('endpoint', comesBack(main, 'endpoint'));
  assert.deepEqual(next.settle(), ['endpoint c']);
  const again = open(deltaPath);
  again.send('endpoint', comesBack(main, 'endpoint'));
  assert.deepEqual(again.settle(), []);
});

test('what went while its proxy was away stays until the proxy has said which routes it has, and taken theirs', () => {
  const { a, main, demand, open, clock } = setUp();
  a.put('called', called('c'));
  a.put('listener', fake('l'));
  a.put('route', fake('r', 'to c'));
  main.subscribe('listener');
  main.subscribe('route', 'r');
  main.settle();
  demand.subscribe('called', 'c');
  demand.settle();
  main.close();
  demand.close();
  a.drop('called', 'c');
  a.put('route', fake('r', 'elsewhere'));
  const again = open(calledPath);
  again.send('called', comesBack(demand, 'called'));
  clock.pass(1000);
  assert.deepEqual(again.took(), []);
  const next = open(deltaPath);
  for (const type of ['listener', 'route'] as const) next.send(type, comesBack(main, type));
  const [route] = next.take();
  assert.ok(route);
  clock.pass(1000);
  assert.deepEqual(again.took(), []);
  next.ack(route);
  clock.pass(1000);
  assert.deepEqual(again.took(), ['cluster c']);
});

test('ADS does not take away a cluster that the proxy has called for', () => {
  const { a, main, demand, change, clock } = setUp();
  a.put('cluster', called('both'), called('one'));
  a.put('called', called('both'));
  main.subscribe('cluster');
  main.settle();
  demand.subscribe('called', 'both');
  demand.settle();
  clock.pass(1000);
  change(() => {
    a.drop('cluster', 'both');
    a.drop('cluster', 'one');
  });
  assert.deepEqual(main.settle(), ['cluster -one']);
});

test('a proxy that calls for too much keeps what it has, and its stream', () => {
  const { a, demand, change } = setUp({ limits: { called: 2 } });
  demand.subscribe('called', 'c1', 'c2', 'c3');
  assert.deepEqual(demand.settle(), ['cluster c1 c2']);
  demand.subscribe('called', 'c4');
  assert.deepEqual(demand.settle(), []);
  change(() => a.put('called', called('c1')));
  assert.deepEqual(demand.settle(), ['cluster c1']);
  assert.equal(demand.call.status, undefined);
});

test('a proxy that comes back with more than it may call for gets no more for that', () => {
  const { a, demand } = setUp({ limits: { called: 2 } });
  a.put('called', called('c1'), called('c2'), called('c3'));
  const initialResourceVersions = { c1: 'old', c2: 'old', c3: 'old' };
  demand.send('called', { resourceNamesSubscribe: ['c1', 'c2', 'c3'], initialResourceVersions });
  assert.deepEqual(demand.settle(), ['cluster c1 c2']);
  demand.subscribe('called', 'c3');
  assert.deepEqual(demand.settle(), []);
});

test('what a proxy has called for stands beside the rest of what it has', () => {
  const { a, ads, main, demand } = setUp();
  a.put('called', called('c'));
  main.subscribe('listener');
  main.settle();
  demand.subscribe('called', 'c');
  const [entry, ...others] = ads.distribution.list();
  assert.deepEqual(others, []);
  assert.deepEqual(
    entry?.types.map(({ type, resources, state }) => [type, resources, state]),
    [
      ['listener', 0, 'acknowledged'],
      ['called', 1, 'sent'],
    ],
  );
  assert.equal(entry?.settled, false);
  demand.settle();
  assert.equal(ads.distribution.list()[0]?.settled, true);
});

test('a proxy that went is remembered with what it had called', () => {
  const { a, ads, main, demand, open } = setUp();
  a.put('called', called('c'), called('d'));
  main.subscribe('listener');
  demand.subscribe('called', 'c', 'd');
  demand.settle();
  const departed = () => ads.distribution.departed().map((gone) => [gone.node.name, ...gone.called]);
  demand.close();
  assert.deepEqual(departed(), []);
  main.close();
  assert.deepEqual(departed(), [['p.a', 'c', 'd']]);
  open(deltaPath).subscribe('listener');
  assert.deepEqual(departed(), []);
});

test('a cluster that both streams had is given by the one that was called for it when the other has it no more', () => {
  const { a, main, demand, change, clock } = setUp();
  a.put('called', called('c'));
  a.put('cluster', fake('own'));
  main.subscribe('cluster');
  main.settle();
  demand.subscribe('called', 'c');
  assert.deepEqual(demand.settle(), ['cluster c']);
  change(() => a.put('cluster', fake('c', 'told')));
  assert.deepEqual([main.settle(), demand.settle()], [['cluster c'], []]);
  change(() => a.drop('cluster', 'c'));
  clock.pass(1000);
  assert.deepEqual([main.settle(), demand.settle()], [[], ['cluster c']]);
});

test('a cluster that a class has no more follows its service as long as a listener leads there: the proxy has no reason to call for it', () => {
  const { a, main, demand, change, clock } = setUp();
  a.put('cluster', fake('c', 'of ADS'));
  a.put('listener', fake('l', 'to c'));
  main.subscribe('cluster');
  main.subscribe('listener');
  main.settle();
  demand.subscribe('called');
  demand.settle();
  change(() => {
    a.drop('cluster', 'c');
    a.put('called', called('c', 'of ADS'));
  });
  clock.pass(1000);
  main.settle();
  change(() => a.put('called', called('c', 'changed')));
  assert.deepEqual([main.settle(), demand.settle()], [['cluster c'], []]);
  change(() => a.drop('called', 'c'));
  assert.deepEqual(main.settle(), [], 'what is gone stays as long as a listener leads there');
  change(() => a.put('listener', fake('l', 'elsewhere')));
  clock.pass(1000);
  assert.deepEqual(main.settle(), ['listener l', 'cluster -c']);
});

/** A proxy whose class has a cluster no more to which its listener leads, as its service's patched form and as it would be called for. */
function keeping(form: string) {
  const all = setUp();
  const { a, main, demand, change, clock } = all;
  a.put('cluster', called('c', form));
  a.put('called', called('c'));
  a.put('listener', fake('l', 'to c'));
  main.subscribe('cluster');
  main.subscribe('listener');
  main.settle();
  demand.subscribe('called');
  clock.pass(1000);
  change(() => a.drop('cluster', 'c'));
  return all;
}

test('a cluster that was given in another form than it would be called for takes that when its class has it no more', () => {
  assert.deepEqual(keeping('').main.settle(), []);
  assert.deepEqual(keeping('patched').main.settle(), ['cluster c']);
});

for (const changed of [false, true]) {
  test(`a cluster that its class has no more ${changed ? 'is sent to' : 'stays as it is at'} a proxy that comes back`, () => {
    const { a, main, demand, clock, open } = keeping('');
    main.settle();
    main.close();
    demand.close();
    if (changed) a.put('called', called('c', 'changed'));
    const next = open(deltaPath);
    for (const type of ['cluster', 'listener'] as const) {
      next.send(type, { ...comesBack(main, type), resourceNamesSubscribe: [] });
    }
    clock.pass(1000);
    assert.deepEqual(next.settle(), changed ? ['cluster c'] : []);
    assert.deepEqual([...(next.held.get('cluster')?.keys() ?? [])], changed ? ['c'] : []);
  });
}
