// A batch of access records as Envoy sends it, an OTLP ExportLogsServiceRequest: counted when it arrives, read when somebody asks.

import { fieldSize, WireError, WireReader, WireWriter } from '../xds/wire.ts';
import { hasFailed, mayHaveFailed, readRecord, tellingLength, wentWell, type AccessRecord, type RecordWriter } from './record.ts';

const tag = { bytes: (field: number) => (field << 3) | 2, fixed64: (field: number) => (field << 3) | 1 };

/** ExportLogsServiceRequest.resource_logs, ResourceLogs.scope_logs, ScopeLogs.log_records. */
const path = [tag.bytes(1), tag.bytes(2), tag.bytes(2)];
/** LogRecord.time_unix_nano and .body, AnyValue.string_value. */
const [timeTag, bodyTag, textTag] = [tag.fixed64(1), tag.bytes(5), tag.bytes(1)];

export interface BatchCounts {
  readonly records: number;
  /** Those of requests that went well, which a proxy may leave out. */
  readonly well: number;
  /** When the last of them began: milliseconds of Unix time. */
  readonly latest: number;
}

/** What a batch holds; undefined for bytes that are none. */
export function countRecords(batch: Uint8Array): BatchCounts | undefined {
  let records = 0;
  let well = 0;
  let latest = 0;
  try {
    eachField(batch, path, (bytes) => {
      if (bytes.length === 0) return;
      records++;
      const { text, time } = lineOf(bytes) ?? nothing;
      if (wentWell(headOf(text))) well++;
      latest = Math.max(latest, time);
    });
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
  return { records, well, latest };
}

/** The records, in the order in which they ended; what is none of ours is left out. */
export const readBatch = (batch: Uint8Array, writer: RecordWriter): AccessRecord[] =>
  recordsIn(batch).flatMap((bytes) => readOne(bytes, writer) ?? []);

function recordsIn(batch: Uint8Array): Buffer[] {
  const found: Buffer[] = [];
  eachField(batch, path, (bytes) => found.push(bytes));
  return found;
}

/** Undefined for bytes that are no log record: inside, a batch may be anything that its outside has room for. */
function readOne(bytes: Uint8Array, writer: RecordWriter): AccessRecord | undefined {
  const found = lineOf(bytes);
  return found && readRecord(found.text.toString('utf8'), found.time, writer);
}

/** What the first characters of its line say of a record. */
const headOf = (text: Buffer): string => text.toString('latin1', 0, tellingLength);

const noText: Buffer = Buffer.alloc(0);
const nothing = { text: noText, time: 0 };

function lineOf(bytes: Uint8Array): { readonly text: Buffer; readonly time: number } | undefined {
  try {
    let time = 0;
    let text: Buffer = noText;
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const next = reader.varint();
      if (next === timeTag) time = Number(reader.fixed64()) / 1e6;
      else if (next === bodyTag) text = textOf(reader.bytes());
      else reader.skip(next);
    }
    return { text, time };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The same batch with nothing but what failed; undefined where nothing did. */
export function failuresOf(
  batch: Uint8Array,
  writer: RecordWriter,
): { readonly bytes: Buffer; readonly count: number } | undefined {
  const failed = recordsIn(batch).filter((bytes) => {
    if (!mayHaveFailed(headOf((lineOf(bytes) ?? nothing).text))) return false;
    const record = readOne(bytes, writer);
    return record !== undefined && hasFailed(record);
  });
  if (failed.length === 0) return undefined;
  const records = new WireWriter(failed.reduce((size, { length }) => size + fieldSize(length), 0));
  for (const bytes of failed) records.bytes(2, bytes);
  const scope = records.buffer;
  const resource = new WireWriter(fieldSize(scope.length)).bytes(2, scope).buffer;
  return { bytes: new WireWriter(fieldSize(resource.length)).bytes(1, resource).buffer, count: failed.length };
}

function textOf(body: Uint8Array): Buffer {
  const reader = new WireReader(body);
  while (!reader.done) {
    const next = reader.varint();
    if (next === textTag) return reader.bytes();
    reader.skip(next);
  }
  return noText;
}

/** The fields at the end of a path of tags. */
function eachField(message: Uint8Array, [first, ...rest]: readonly number[], take: (field: Buffer) => void): void {
  const reader = new WireReader(message);
  while (!reader.done) {
    const next = reader.varint();
    if (next !== first) reader.skip(next);
    else if (rest.length === 0) take(reader.bytes());
    else eachField(reader.bytes(), rest, take);
  }
}
