import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StartAnswer } from '../control/api/contract.ts';
import { foregroundWords, started } from './detach.ts';

const answer = (state: StartAnswer['state']): StartAnswer => ({ state, waiting: [], entrances: [] });

/** Answers in order, then the last one again. */
function mesh(...answers: (StartAnswer['state'] | undefined)[]) {
  let asked = 0;
  return {
    ask: () => {
      const state = answers[Math.min(asked++, answers.length - 1)];
      return Promise.resolve(state === undefined ? undefined : answer(state));
    },
    alive: () => true,
    pause: () => Promise.resolve(),
    rounds: 100,
  };
}

describe('started', () => {
  it('waits until everything is ready, not until somebody answers', async () => {
    assert.deepEqual(await started(mesh(undefined, 'starting', 'starting', 'ready')), answer('ready'));
  });

  it('does not wait for what will hardly come', async () => {
    assert.deepEqual(await started(mesh('starting', 'troubled')), answer('troubled'));
  });

  it('gives up in the end, and at once on a mesh that ended', async () => {
    assert.deepEqual(await started(mesh('starting')), answer('starting'));
    assert.equal(await started(mesh(undefined)), undefined);
    assert.equal(await started({ ...mesh('ready'), alive: () => false }), undefined);
  });
});

describe('foregroundWords', () => {
  it('repeats every option but the one that detaches', () => {
    const state = { path: '/s', database: '', apiSocket: '' };
    assert.deepEqual(foregroundWords(state, { detach: true, delivery: 'eager', records: '0' }), [
      'up',
      '--state',
      '/s',
      '--delivery',
      'eager',
      '--records',
      '0',
    ]);
    assert.deepEqual(
      foregroundWords(state, {
        detach: true,
        file: ['a.yaml', 'b'],
        images: 'i',
        publishAddress: '127.0.0.2',
        meshConfig: 'm',
        workloadCertTtl: '1h',
        delivery: 'eager',
        records: '100',
      }).join(' '),
      'up --state /s --file a.yaml --file b --delivery eager --records 100 --images i --publish-address 127.0.0.2 --mesh-config m --workload-cert-ttl 1h',
    );
  });
});
