// Access records for tests: as Envoy sends them in batches, and as they are read.

import assert from 'node:assert/strict';
import { recordFields, recordSeparator, recordVersion, type RecordSide } from '../../src/compile/listener/access-record.ts';
import { readRecord, type AccessRecord, type RecordWriter } from '../../src/telemetry/record.ts';
import { fieldSize, WireWriter } from '../../src/xds/wire.ts';

type Said = Readonly<Partial<Record<(typeof recordFields)[number][0], string | number>>>;

/** A line as the logger of a side writes it; what is not said is `-`. */
export const recordLine = (side: RecordSide, said: Said): string =>
  [recordVersion, side, ...recordFields.map(([name]) => String(said[name] ?? '-'))].join(recordSeparator);

/** An ExportLogsServiceRequest of these lines, each with the milliseconds at which it began. */
export function recordBatch(lines: readonly (readonly [line: string, time: number])[]): Buffer {
  const records = lines.map(([line, time]) => {
    const text = Buffer.from(line);
    const body = new WireWriter(fieldSize(text.length)).bytes(1, text).buffer;
    const stamp = Buffer.alloc(9);
    stamp[0] = (1 << 3) | 1;
    stamp.writeBigUInt64LE(BigInt(time) * 1_000_000n, 1);
    return Buffer.concat([stamp, new WireWriter(fieldSize(body.length)).bytes(5, body).buffer]);
  });
  const scope = Buffer.concat(records.map((bytes) => new WireWriter(fieldSize(bytes.length)).bytes(2, bytes).buffer));
  const resource = new WireWriter(fieldSize(scope.length)).bytes(2, scope).buffer;
  return new WireWriter(fieldSize(resource.length)).bytes(1, resource).buffer;
}

export const writer = (workload: string, namespace = 'default'): RecordWriter => ({
  namespace,
  pod: `${workload}-0`,
  workload,
  identity: `spiffe://cluster.local/ns/${namespace}/sa/${workload}`,
});

/** A request, unless its type says else. */
export function record(side: RecordSide, workload: string, said: Said, time = 1000): AccessRecord {
  const read = readRecord(recordLine(side, { type: 'DownstreamEnd', ...said }), time, writer(workload));
  assert.ok(read !== undefined);
  return read;
}
