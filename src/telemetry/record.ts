// An access record: what one proxy says of one request or connection that has ended. Read from the line that the logger of
// compile/listener/access-record.ts writes; the first step of `lateen requests` and `lateen why`.

import { recordFields, recordSeparator, recordVersion, type RecordSide } from '../compile/listener/access-record.ts';

/** Whose proxy wrote a record: known from the socket it came through, never from the record. */
export interface RecordWriter {
  readonly namespace: string;
  readonly pod: string;
  /** The Deployment, StatefulSet, … or the pod itself. */
  readonly workload: string;
  /** `spiffe://…` */
  readonly identity: string;
}

type Field = (typeof recordFields)[number][0];
type NumberField = 'code' | 'duration' | 'firstByte' | 'received' | 'sent' | 'attempts';
type ListField = 'flags' | 'attempted';

/** Texts are empty, lists too, and numbers undefined, where there was nothing to say. Durations in milliseconds, sizes in bytes. */
export type AccessRecord = Readonly<Record<Exclude<Field, NumberField | ListField | 'type'>, string>> &
  Readonly<Record<NumberField, number | undefined>> &
  Readonly<Record<ListField, readonly string[]>> & {
    readonly writer: RecordWriter;
    readonly side: RecordSide;
    /** `refused`: a connection that no filter chain took, or whose TLS handshake failed. */
    readonly kind: 'request' | 'connection' | 'refused';
    /** When it began: milliseconds of Unix time. */
    readonly time: number;
  };

const numbers: ReadonlySet<string> = new Set<NumberField>(['code', 'duration', 'firstByte', 'received', 'sent', 'attempts']);
const lists: ReadonlySet<string> = new Set<ListField>(['flags', 'attempted']);
const sides: ReadonlySet<string> = new Set<RecordSide>(['outbound', 'inbound', 'gateway']);

/** Undefined for what is no record of this version. */
export function readRecord(line: string, time: number, writer: RecordWriter): AccessRecord | undefined {
  const [version, side = '', ...values] = line.split(recordSeparator);
  if (version !== recordVersion || !sides.has(side) || values.length !== recordFields.length) return undefined;
  const fields = recordFields.map(([name], index): [string, unknown] => [name, valueOf(name, values[index] ?? '')]);
  const { type, ...said } = Object.fromEntries(fields);
  return { writer, side, kind: kinds[String(type)] ?? 'request', time, ...said } as unknown as AccessRecord;
}

const kinds: Readonly<Record<string, AccessRecord['kind']>> = { TcpConnectionEnd: 'connection', NotSet: 'refused' };

/** Envoy writes `-` for nothing. */
function valueOf(name: string, written: string): string | number | readonly string[] | undefined {
  const value = written === '-' ? '' : written;
  if (numbers.has(name)) return value === '' || Number.isNaN(Number(value)) ? undefined : Number(value);
  if (lists.has(name)) return value === '' ? [] : value.split(',');
  return value;
}

/** Whether it did not go as its caller wished: an error status, or a flag that means one. */
export function hasFailed({ kind, code, flags, grpcStatus, termination, upstreamFailure }: AccessRecord): boolean {
  if (kind === 'refused') return true;
  const failures = flags.filter((flag) => !harmless.has(flag));
  if (failures.length > 0) return true;
  if (kind === 'connection') return termination !== '' || upstreamFailure !== '';
  return (code ?? 0) >= 400 || code === 0 || (grpcStatus !== '' && grpcStatus !== '0');
}

/** Delayed on purpose, answered from a cache, or the whole mesh's time for a connection over. */
const harmless: ReadonlySet<string> = new Set(['DI', 'RFCF', 'DT']);
