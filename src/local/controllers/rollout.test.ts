// Rollouts step by step, until nothing is left to do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, nextStep, type ReplicaPod, type RolloutSpec } from './rollout.ts';

const spec = (more: Partial<RolloutSpec> = {}): RolloutSpec => ({ replicas: 3, hash: 'new', strategy: 'RollingUpdate', ...more });
const pod = (name: string, hash = 'new', ready = true): ReplicaPod => ({ name, hash, ready, createdAt: name });

test('replicas are started and ended to meet the count, the unready and the young first', () => {
  assert.deepEqual(nextStep(spec(), []), { start: 3, end: [] });
  assert.deepEqual(nextStep(spec({ replicas: 1 }), [pod('a'), pod('b'), pod('c', 'new', false)]), { start: 0, end: ['c', 'b'] });
  assert.deepEqual(nextStep(spec({ replicas: 0 }), [pod('a')]), { start: 0, end: ['a'] });
});

test('a new template comes in while enough pods are ready, and the old ones go', () => {
  const rules = spec({ maxSurge: 1, maxUnavailable: 0 });
  let pods = [pod('o1', 'old'), pod('o2', 'old'), pod('o3', 'old')];
  let born = 0;
  for (let turn = 0; turn < 20; turn++) {
    const { start, end } = nextStep(rules, pods);
    if (start === 0 && end.length === 0 && pods.every(({ ready }) => ready)) break;
    pods = pods.filter(({ name }) => !end.includes(name));
    assert.ok(pods.filter(({ ready }) => ready).length >= 3, 'three are ready');
    pods = pods.map((each) => ({ ...each, ready: true }));
    for (let each = 0; each < start; each++) pods.push(pod(`n${++born}`, 'new', false));
    assert.ok(pods.length <= 4, 'one more than three at most');
  }
  assert.deepEqual(
    pods.map(({ hash, ready }) => [hash, ready]),
    Array.from({ length: 3 }, () => ['new', true]),
  );
});

test('old pods that never became ready hold nothing up', () => {
  const stuck = [pod('a', 'old', false), pod('b', 'old', false), pod('c', 'old', false)];
  assert.deepEqual(nextStep(spec(), stuck).end, ['a', 'b', 'c']);
});

test('a new pod that does not become ready stops the rollout', () => {
  const pods = [pod('a', 'old'), pod('b', 'old'), pod('c', 'old'), pod('d', 'new', false)];
  assert.deepEqual(nextStep(spec({ maxSurge: 1, maxUnavailable: 0 }), pods), { start: 0, end: [] });
});

test('Recreate ends all before it starts any', () => {
  const rules = spec({ strategy: 'Recreate' });
  assert.deepEqual(nextStep(rules, [pod('a', 'old'), pod('b', 'old')]), { start: 0, end: ['a', 'b'] });
  assert.deepEqual(nextStep(rules, []), { start: 3, end: [] });
});

test('shares of the replicas are rounded in favour of progress and safety', () => {
  assert.deepEqual(limits(spec({ replicas: 3 })), { surge: 1, unavailable: 0 });
  assert.deepEqual(limits(spec({ replicas: 10, maxSurge: '0%', maxUnavailable: '25%' })), { surge: 0, unavailable: 2 });
  assert.deepEqual(limits(spec({ maxSurge: 0, maxUnavailable: 0 })), { surge: 0, unavailable: 1 });
});
