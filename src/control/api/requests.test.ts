// The list of requests that happened: the last ones of those that are asked for, without reading all that there is.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { record } from '../../../test/support/records.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { meshOf, storeOf } from '../../compile/compile.ts';
import type { RecordSource } from '../../telemetry/record-book.ts';
import { distinctOf, listRequests, type RequestsQuery } from './requests.ts';

const now = 10_000_000;
const mesh = meshOf(storeOf({ objects: [], meshConfig: meshConfigDefaults() })).value;

/** One request a second, the last of them just now; every hundredth failed. */
const all = Array.from({ length: 2000 }, (_, index) => {
  const time = now - (1999 - index) * 1000;
  const id = `${String(index).padStart(8, '0')}-0000-4000-8000-000000000000`;
  return record('outbound', 'caller', { id, code: index % 100 === 0 ? 500 : 200, path: `/${index % 3}` }, time);
});

/** Says how far back it was read. */
function source(): RecordSource & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    reads,
    *recent(text = '', since = 0) {
      const wanted = all.filter(({ id, time }) => time >= since && id.includes(text));
      reads.push(wanted.length);
      yield* wanted;
    },
    unrecorded: () => [],
    follow: () => ({ [Symbol.dispose]() {} }),
  };
}

const query = (more: Partial<RequestsQuery>): RequestsQuery => ({
  failed: false,
  from: undefined,
  to: undefined,
  id: undefined,
  namespace: undefined,
  since: undefined,
  limit: undefined,
  ...more,
});
const paths = (more: Partial<RequestsQuery>, from = source()): string[] =>
  listRequests(from, query(more), mesh, now).map(({ id }) => id.slice(4, 8));

describe('the list of requests', () => {
  it('has the last ones, and reads a little of what there is', () => {
    const from = source();
    assert.deepEqual(paths({ limit: 3 }, from), ['1997', '1998', '1999']);
    assert.deepEqual(from.reads, [21]);
  });

  it('looks further back until there are enough', () => {
    const from = source();
    assert.deepEqual(paths({ limit: 4, failed: true }, from), ['1600', '1700', '1800', '1900']);
    assert.deepEqual(from.reads, [21, 71, 611]);
    assert.equal(paths({ limit: 100, failed: true }).length, 20);
  });

  it('begins where it is asked to', () => {
    const from = source();
    assert.deepEqual(paths({ since: now - 2000, limit: 100 }, from), ['1997', '1998', '1999']);
    assert.deepEqual(from.reads, [13]);
    assert.equal(paths({ since: now - 100_000 }).length, 101);
  });

  it('reads of one request what has its id', () => {
    const from = source();
    assert.deepEqual(paths({ id: '00001234' }, from), ['1234']);
    assert.deepEqual(from.reads, [1]);
  });

  it('is whole where no number is given', () => assert.equal(paths({}).length, 2000));

  it('tells each kind once, with how many', () => {
    const { requests, more, unrecorded } = distinctOf(source(), query({}), mesh);
    assert.deepEqual([requests.length, more, unrecorded], [3, 0, 0]);
    assert.equal(
      requests.reduce((sum, { count }) => sum + count, 0),
      2000,
    );
  });
});
