import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from './progress.ts';

/** Pods by name with their status; `ready` ones have the status `Running` and are. */
function world(pods: Record<string, string>) {
  const said: string[] = [];
  let now = 0;
  const progress = new Progress({
    platform: {
      pods: () =>
        Object.entries(pods).map(([name, status]) => ({ namespace: 'default', name, status, ready: status === 'Running' })),
    },
    say: (line) => said.push(line),
    entrances: () => ['http://127.0.0.1:8080/shop'],
    ready: () => said.push('READY'),
    now: () => now,
  });
  return { pods, said, progress, pass: (ms: number) => (now += ms) };
}

test('a start is over when every pod is ready, and then says where to look', () => {
  const { pods, said, progress } = world({ a: 'Running', b: 'Pending' });
  progress.look();
  assert.deepEqual(progress.report(), {
    state: 'starting',
    waiting: [{ pod: { namespace: 'default', name: 'b' }, status: 'Pending' }],
    entrances: [],
  });
  pods['b'] = 'Running';
  progress.look();
  progress.look();
  assert.deepEqual(progress.report(), { state: 'ready', waiting: [], entrances: ['http://127.0.0.1:8080/shop'] });
  assert.deepEqual(said, ['  ready  a  1/2', '  ready  b  2/2', '  look at http://127.0.0.1:8080/shop', 'READY']);
});

test('pods in trouble are told as soon as nothing else is waited for', () => {
  const { pods, said, progress } = world({ a: 'ErrImagePull', b: 'Pending' });
  progress.look();
  assert.equal(progress.report().state, 'starting');
  pods['b'] = 'Running';
  progress.look();
  assert.equal(progress.report().state, 'troubled');
  assert.match(said.at(-2) ?? '', /^not ready: a \(ErrImagePull\); the rest runs/);
  pods['a'] = 'Running';
  progress.look();
  assert.equal(progress.report().state, 'ready');
  assert.equal(said.filter((line) => line.includes('look at')).length, 1);
});

test('slow pods are told after a while', () => {
  const { said, progress, pass } = world({ a: 'Pending' });
  progress.look();
  pass(30_001);
  progress.look();
  progress.look();
  assert.equal(progress.report().state, 'troubled');
  assert.equal(said.length, 2);
});
