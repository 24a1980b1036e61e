// Probes under a clock that is turned by hand: periods, thresholds, and the quick start.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from './clock.ts';
import { Probe } from './probe.ts';

class HandClock implements Clock {
  #now = 0;
  #due: { at: number; run: () => void }[] = [];

  now = () => this.#now;

  after(ms: number, run: () => void) {
    const timer = { at: this.#now + ms, run };
    this.#due.push(timer);
    return { cancel: () => void (this.#due = this.#due.filter((each) => each !== timer)) };
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.#now + ms; ;) {
      const next = this.#due.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) {
        this.#now = end;
        return;
      }
      this.#due = this.#due.filter((each) => each !== next);
      this.#now = next.at;
      next.run();
      // The check is a promise: its answer comes before the next turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function watched(spec: object, eager: boolean) {
  const clock = new HandClock();
  const state = { answer: undefined as string | undefined, asked: 0, verdicts: [] as boolean[] };
  const probe = new Probe({
    spec,
    clock,
    eager,
    check: () => {
      state.asked++;
      return Promise.resolve(state.answer);
    },
    changed: (passing) => state.verdicts.push(passing),
  });
  probe.start();
  return { clock, state, probe };
}

test('a failing liveness probe is told after its threshold of whole periods', async () => {
  const { clock, state } = watched({ periodSeconds: 5, failureThreshold: 3, initialDelaySeconds: 2 }, false);
  await clock.pass(1999);
  assert.equal(state.asked, 0);
  await clock.pass(1);
  assert.deepEqual(state.verdicts, [true]);
  state.answer = 'no';
  await clock.pass(14_999);
  assert.deepEqual([state.asked, state.verdicts], [3, [true]]);
  await clock.pass(1);
  assert.deepEqual(state.verdicts, [true, false]);
  state.answer = undefined;
  await clock.pass(5000);
  assert.deepEqual(state.verdicts, [true, false, true]);
});

test('an eager probe asks often until the first success, but counts failures by the period', async () => {
  const { clock, state, probe } = watched({ periodSeconds: 10, failureThreshold: 2 }, true);
  state.answer = 'not yet';
  await clock.pass(9999);
  assert.ok(state.asked > 20);
  assert.deepEqual(state.verdicts, []);
  await clock.pass(251);
  assert.deepEqual(state.verdicts, [false]);
  state.answer = undefined;
  await clock.pass(250);
  assert.deepEqual(state.verdicts, [false, true]);
  const { asked } = state;
  await clock.pass(9999);
  assert.equal(state.asked, asked);
  probe[Symbol.dispose]();
  await clock.pass(60_000);
  assert.equal(state.asked, asked);
});

test('several successes in a row are wanted where the manifest says so', async () => {
  const { clock, state } = watched({ periodSeconds: 1, successThreshold: 3 }, false);
  await clock.pass(1999);
  assert.deepEqual(state.verdicts, []);
  await clock.pass(1);
  assert.deepEqual(state.verdicts, [true]);
});
