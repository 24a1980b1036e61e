import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recordBatch, recordLine, writer } from '../../test/support/records.ts';
import { countRecords, failuresOf, readBatch } from './record-batch.ts';
import { RecordRing } from './record-ring.ts';
import { hasFailed, mayHaveFailed, readRecord } from './record.ts';

const from = writer('productpage-v1');
const line = (id: string, code: number) => recordLine('outbound', { type: 'DownstreamEnd', id, code });
const batch = (...lines: string[]) => recordBatch(lines.map((each, index) => [each, 1000 + index]));
const ids = (ring: RecordRing) => ring.records().map(({ id }) => id);

describe('a record', () => {
  it('is read field by field, with nothing for a dash', () => {
    const said = {
      type: 'DownstreamEnd',
      id: 'i',
      path: '/a',
      code: 503,
      flags: 'UF,URX',
      duration: 12,
      attempted: '1.2.3.4:80,1.2.3.5:80',
    };
    const read = readRecord(recordLine('inbound', said), 5, from);
    assert.partialDeepStrictEqual(read, {
      writer: from,
      side: 'inbound',
      kind: 'request',
      time: 5,
      id: 'i',
      path: '/a',
      authority: '',
      code: 503,
      flags: ['UF', 'URX'],
      attempted: ['1.2.3.4:80', '1.2.3.5:80'],
      duration: 12,
      firstByte: undefined,
    });
  });

  it('is none with fields too many or too few, or of another version or side', () => {
    const good = line('i', 200);
    for (const bad of [
      '',
      good.slice(1),
      `${good}\u001Fx`,
      good.slice(0, good.lastIndexOf('\u001F')),
      good.replace('outbound', 'up'),
    ])
      assert.equal(readRecord(bad, 0, from), undefined);
  });

  it('has failed by its status, its flags, its end', () => {
    const failed = (said: Parameters<typeof recordLine>[1]): boolean | undefined => {
      const read = readRecord(recordLine('outbound', said), 0, from);
      if (read !== undefined && hasFailed(read)) assert.ok(mayHaveFailed(recordLine('outbound', said)), JSON.stringify(said));
      return read && hasFailed(read);
    };
    const fine = [
      { type: 'DownstreamEnd', code: 200 },
      { type: 'DownstreamEnd', code: 301, grpcStatus: 0 },
      { type: 'TcpConnectionEnd', code: 0 },
    ];
    for (const said of fine) assert.equal(mayHaveFailed(recordLine('inbound', said)), false, JSON.stringify(said));
    assert.equal(failed({ type: 'DownstreamEnd', code: 200 }), false);
    assert.equal(failed({ type: 'DownstreamEnd', code: 200, flags: 'DI' }), false);
    assert.equal(failed({ type: 'DownstreamEnd', code: 404 }), true);
    assert.equal(failed({ type: 'DownstreamEnd', code: 0, flags: 'DC' }), true);
    assert.equal(failed({ type: 'DownstreamEnd', code: 200, grpcStatus: 14 }), true);
    assert.equal(failed({ type: 'DownstreamEnd', code: 200, grpcStatus: 0 }), false);
    assert.equal(failed({ type: 'TcpConnectionEnd', code: 0 }), false);
    assert.equal(failed({ type: 'TcpConnectionEnd', code: 0, termination: 'rbac_access_denied_matched_policy[none]' }), true);
    assert.equal(failed({ type: 'NotSet', flags: 'NR' }), true);
  });
});

describe('a batch', () => {
  it('is counted, read, and cut down to its failures', () => {
    const bytes = batch(line('a', 200), line('b', 503), line('c', 200), line('d', 404));
    assert.partialDeepStrictEqual(countRecords(bytes), { records: 4, well: 2 });
    assert.deepEqual(
      readBatch(bytes, from).map(({ id, time }) => [id, time]),
      [
        ['a', 1000],
        ['b', 1001],
        ['c', 1002],
        ['d', 1003],
      ],
    );
    const failures = failuresOf(bytes, from);
    assert.equal(failures?.count, 2);
    assert.deepEqual(
      readBatch(failures?.bytes ?? Buffer.alloc(0), from).map(({ id, code, time }) => [id, code, time]),
      [
        ['b', 503, 1001],
        ['d', 404, 1003],
      ],
    );
    assert.equal(failuresOf(batch(line('a', 200)), from), undefined);
  });

  it('that is cut short or damaged is refused, or read as far as it makes sense: never thrown over', () => {
    const bytes = batch(line('a', 200), line('b', 503));
    assert.equal(countRecords(bytes.subarray(0, bytes.length - 3)), undefined);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.uint8Array({ maxLength: 64 }), (at, value, noise) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        const ring = new RecordRing(from, { maxRecords: 2, maxBytes: 10_000 });
        for (const each of [damaged, noise, bytes]) if (ring.add(each) !== undefined) ring.records();
      }),
    );
  });
});

describe('a ring', () => {
  it('reads of its batches those that have what began at a moment or later, also when they are only failures by now', () => {
    const ring = new RecordRing(from, { maxRecords: 8, maxBytes: 1e6 });
    const at = (...times: readonly number[]) => ring.add(recordBatch(times.map((time) => [line(String(time), 500), time])));
    at(1000, 3000);
    at(2000);
    at(5000, 4000);
    const since = (time: number) => ring.records('', time).map(({ id }) => id);
    assert.deepEqual(since(3000), ['1000', '3000', '5000', '4000']);
    assert.deepEqual(since(4500), ['5000', '4000']);
    assert.deepEqual(since(5001), []);
    at(6000);
    assert.deepEqual(since(3000), ['1000', '3000', '5000', '4000', '6000']);
  });

  it('keeps the last records within its limits', () => {
    const ring = new RecordRing(from, { maxRecords: 8, maxBytes: 1 << 20 });
    for (let count = 0; count < 20; count += 2)
      assert.equal(ring.add(batch(line(`${count}`, 200), line(`${count + 1}`, 200))), 2);
    assert.deepEqual(ids(ring), ['16', '17', '18', '19']);
    const small = new RecordRing(from, { maxRecords: 1000, maxBytes: 2000 });
    for (let count = 0; count < 50; count++) small.add(batch(line(`${count}`, 500)));
    assert.ok(small.bytes <= 2000);
    assert.ok(!small.isEmpty);
  });

  it('keeps what failed when the rest has gone', () => {
    const ring = new RecordRing(from, { maxRecords: 8, maxBytes: 1 << 20 });
    ring.add(batch(line('bad', 503), line('good', 200)));
    for (let count = 0; count < 100; count++) ring.add(batch(line(`${count}`, 200)));
    assert.deepEqual(ids(ring), ['bad', '96', '97', '98', '99']);
  });

  it('knows about how much went well beside what it was sent', () => {
    const ring = new RecordRing(from, { maxRecords: 8, maxBytes: 1 << 20 });
    ring.add(batch(line('a', 200), line('b', 503)));
    assert.equal(ring.unrecorded, 0);
    ring.add(batch(line('c', 200), line('d', 503)), 1000);
    assert.equal(ring.unrecorded, 9);
    for (let count = 0; count < 4; count++) ring.add(batch(line('e', 200)));
    assert.equal(ring.unrecorded, 0);
  });

  it('gives up a batch that is over the limits by itself', () => {
    const ring = new RecordRing(from, { maxRecords: 8, maxBytes: 1 << 20 });
    ring.add(batch(...Array.from({ length: 9 }, (_, index) => line(String(index), 200))));
    assert.ok(ring.isEmpty);
  });
});
