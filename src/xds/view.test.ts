import { test } from 'node:test';
import assert from 'node:assert/strict';
import { FakeCompiler, fake } from '../../test/support/xds/fake-compiler.ts';
import { ManualClock } from '../../test/support/xds/manual-clock.ts';
import { nothing } from './view.ts';
import { Views } from './views.ts';
import { Watches } from './watch.ts';

function setUp() {
  const compiler = new FakeCompiler();
  const watches = new Watches((error) => assert.fail(String(error)));
  const views = new Views({ watches, clock: new ManualClock(), onTouch() {} });
  return { a: compiler.class('a'), b: compiler.class('b'), watches, views };
}

test('a member that is far behind finds all that changed, though the log is cut', () => {
  const { a, views } = setUp();
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
  a.put('endpoint', ...names.map((name) => fake(name)));
  const behind = { sent: nothing };
  const view = views.join(behind, a.configuration, { type: 'endpoint', names: new Set(names), table: '' });
  behind.sent = view.revision;
  for (let round = 0; round < 500; round += 1) {
    a.put('endpoint', fake(`c${round % 10}`, String(round)));
    view.refresh();
  }
  a.drop('endpoint', 'c3');
  a.drop('endpoint', 'c15');
  view.refresh();
  const { resources, removed } = view.since(behind.sent);
  assert.deepEqual(
    resources.map(({ name }) => name),
    ['c0', 'c1', 'c2', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9'],
  );
  assert.deepEqual([...removed.keys()].sort(), ['c15', 'c3']);
  assert.equal(view.since(behind.sent), view.since(behind.sent));
});

test('names in any order are one view; other classes, types and names are others', () => {
  const { a, b, views, watches } = setUp();
  const join = (configuration: typeof a.configuration, type: 'endpoint' | 'route', ...names: string[]) =>
    views.join({ sent: nothing }, configuration, { type, names: new Set(names), table: '' });
  const view = join(a.configuration, 'endpoint', 'x', 'y');
  assert.equal(join(a.configuration, 'endpoint', 'y', 'x'), view);
  assert.notEqual(join(b.configuration, 'endpoint', 'x', 'y'), view);
  assert.notEqual(join(a.configuration, 'route', 'x', 'y'), view);
  assert.notEqual(join(a.configuration, 'endpoint', 'x'), view);
  // Endpoints are the same cells for both classes.
  assert.deepEqual([views.size, watches.size], [4, 4]);
});

test('a view of one stream grows in place; one that is shared is left', () => {
  const { a, views } = setUp();
  const [one, two] = [{ sent: nothing }, { sent: nothing }];
  const first = views.join(one, a.configuration, { type: 'endpoint', names: new Set(['x']), table: '' });
  assert.equal(views.move(one, first, ['y'], []), first);
  assert.deepEqual([...(first.names ?? [])], ['x', 'y']);
  assert.equal(views.join(two, a.configuration, { type: 'endpoint', names: new Set(['y', 'x']), table: '' }), first);
  const second = views.move(two, first, ['z'], ['x']);
  assert.notEqual(second, first);
  assert.deepEqual([...(first.names ?? [])], ['x', 'y']);
  assert.equal(views.move(two, second, ['x'], ['z']), first);
  assert.equal(views.size, 1);
  views.leave(one, first, false);
  views.leave(two, first, false);
  assert.equal(views.size, 0);
});
