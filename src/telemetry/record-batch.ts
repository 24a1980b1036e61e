// A batch of access records as Envoy sends it, an OTLP ExportLogsServiceRequest: counted when it arrives, read when somebody asks.

import { fieldSize, WireError, WireReader, WireWriter } from '../xds/wire.ts';
import { hasFailed, mayHaveFailed, readRecord, type AccessRecord, type RecordWriter } from './record.ts';

const tag = { bytes: (field: number) => (field << 3) | 2, fixed64: (field: number) => (field << 3) | 1 };

/** ExportLogsServiceRequest.resource_logs, ResourceLogs.scope_logs, ScopeLogs.log_records. */
const path = [tag.bytes(1), tag.bytes(2), tag.bytes(2)];
/** LogRecord.time_unix_nano and .body, AnyValue.string_value. */
const [timeTag, bodyTag, textTag] = [tag.fixed64(1), tag.bytes(5), tag.bytes(1)];

/** How many records a batch holds; undefined for bytes that are none. */
export function countRecords(batch: Uint8Array): number | undefined {
  let count = 0;
  try {
    for (const record of fieldsAt(batch, path)) count += record.length > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
  return count;
}

/** The records, in the order in which they ended; what is none of ours is left out. */
export const readBatch = (batch: Uint8Array, writer: RecordWriter): AccessRecord[] =>
  [...fieldsAt(batch, path)].flatMap((bytes) => readOne(bytes, writer) ?? []);

function readOne(bytes: Uint8Array, writer: RecordWriter): AccessRecord | undefined {
  const found = lineOf(bytes);
  return found && readRecord(found.line, found.time, writer);
}

/** Undefined for bytes that are no log record: inside, a batch may be anything that its outside has room for. */
function lineOf(bytes: Uint8Array): { readonly line: string; readonly time: number } | undefined {
  try {
    let time = 0;
    let line = '';
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const next = reader.varint();
      if (next === timeTag) time = Number(reader.fixed64()) / 1e6;
      else if (next === bodyTag) line = textOf(reader.bytes());
      else reader.skip(next);
    }
    return { line, time };
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
  const failed = [...fieldsAt(batch, path)].filter((bytes) => {
    const found = lineOf(bytes);
    if (found === undefined || !mayHaveFailed(found.line)) return false;
    const record = readRecord(found.line, found.time, writer);
    return record !== undefined && hasFailed(record);
  });
  if (failed.length === 0) return undefined;
  const records = new WireWriter(failed.reduce((size, { length }) => size + fieldSize(length), 0));
  for (const bytes of failed) records.bytes(2, bytes);
  const scope = records.buffer;
  const resource = new WireWriter(fieldSize(scope.length)).bytes(2, scope).buffer;
  return { bytes: new WireWriter(fieldSize(resource.length)).bytes(1, resource).buffer, count: failed.length };
}

function textOf(body: Uint8Array): string {
  const reader = new WireReader(body);
  while (!reader.done) {
    const next = reader.varint();
    if (next === textTag) return reader.text();
    reader.skip(next);
  }
  return '';
}

/** The fields at the end of a path of tags. */
function* fieldsAt(message: Uint8Array, [first, ...rest]: readonly number[]): Generator<Uint8Array> {
  if (first === undefined) {
    yield message;
    return;
  }
  const reader = new WireReader(message);
  while (!reader.done) {
    const next = reader.varint();
    if (next === first) yield* fieldsAt(reader.bytes(), rest);
    else reader.skip(next);
  }
}
