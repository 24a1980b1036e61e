import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wholeShare } from '../compile/listener/access-record.ts';
import { mostEachSecond, nextShare, RecordShare } from './record-share.ts';

describe('the share that is recorded', () => {
  it('is all of it up to the rate, also a little over it', () => {
    for (const rate of [0, 1, mostEachSecond, mostEachSecond * 1.2]) assert.equal(nextShare(wholeShare, rate), wholeShare);
  });

  it('fits the rate at once when there is more, and is never nothing', () => {
    assert.equal(nextShare(wholeShare, mostEachSecond * 10), wholeShare / 10);
    assert.equal(nextShare(1, mostEachSecond * 10), 1);
  });

  it('comes back step by step, also when nothing comes any more', () => {
    assert.equal(nextShare(1000, mostEachSecond / 2), 2000);
    let [share, steps] = [1, 0];
    for (; share < wholeShare; steps++) share = nextShare(share, 0);
    assert.ok(steps < 10);
  });

  it('settles where as much comes as may', () => {
    for (const traffic of [600, 7000, 1_000_000]) {
      let share = wholeShare;
      const seen = Array.from({ length: 10 }, () => (share = nextShare(share, (traffic * share) / wholeShare)));
      assert.equal(new Set(seen.slice(5)).size, 1, `${traffic}: ${seen.join()}`);
      assert.ok((traffic * share) / wholeShare <= mostEachSecond * 1.25);
    }
  });
});

describe('a proxy’s share', () => {
  it('is set when much arrives, again where the proxy did not take it, and back in the end', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const asked: number[] = [];
    let refuse = true;
    using share = new RecordShare((wanted) => {
      asked.push(wanted);
      return refuse ? Promise.reject(new Error('away')) : Promise.resolve();
    });
    const settled = () => new Promise(setImmediate);
    const look = async (): Promise<void> => {
      t.mock.timers.tick(500);
      await settled();
    };
    // At once: a thousand records must not wait until it is time to look.
    share.arrived(1000);
    await settled();
    assert.deepEqual([asked.length, share.current], [1, wholeShare]);
    refuse = false;
    share.arrived(1000);
    await settled();
    assert.equal(asked.length, 2);
    const low = share.current;
    assert.ok(low < wholeShare);
    await look();
    assert.ok(share.current > low);
    for (let count = 0; count < 10; count++) await look();
    assert.equal(share.current, wholeShare);
    const before = asked.length;
    await look();
    assert.equal(asked.length, before);
  });
});
