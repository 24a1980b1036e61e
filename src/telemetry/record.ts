// An access record: what one proxy says of one request or connection that has ended. Read from the line that the logger of
// compile/listener/access-record.ts writes; the first step of `lateen requests` and `lateen why`.

import { noRouteName } from '../compile/names.ts';
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

const readers = recordFields.map(([name]) => ({ name, read: numbers.has(name) ? number : lists.has(name) ? list : text }));

/** Undefined for what is no record of this version. */
export function readRecord(line: string, time: number, writer: RecordWriter): AccessRecord | undefined {
  const values = line.split(recordSeparator);
  const [version, side = '', type = ''] = values;
  if (version !== recordVersion || !sides.has(side) || values.length !== head + readers.length) return undefined;
  const record: Record<string, unknown> = { writer, side, kind: kinds[type] ?? 'request', time };
  for (let index = 1; index < readers.length; index++) {
    const reader = readers[index];
    if (reader !== undefined) record[reader.name] = reader.read(values[head + index] ?? '');
  }
  // Where plaintext is taken too, Envoy notes of it all the same that it began no TLS: requests on it tell of themselves.
  if (record['kind'] === 'refused' && record['protocol'] !== '') return undefined;
  return asOfWholeTable(record as unknown as AccessRecord);
}

/** A virtual host that comes by itself has its table's name before its own, and a route for requests that have none (ADR 8). */
function asOfWholeTable(record: AccessRecord): AccessRecord {
  const { route, details } = record;
  const virtualHost = record.virtualHost.replace(/^(?:[^/]*:)?\d+\//, '');
  if (route === noRouteName && details === 'direct_response')
    return { ...record, virtualHost, route: '', routeOrigin: '', flags: ['NR'], details: 'route_not_found' };
  return virtualHost === record.virtualHost ? record : { ...record, virtualHost };
}

/** Version and side. */
const head = 2;

const kinds: Readonly<Record<string, AccessRecord['kind']>> = { TcpConnectionEnd: 'connection', NotSet: 'refused' };

// Envoy writes `-` for nothing.
function text(written: string): string {
  return written === '-' ? '' : written;
}

function number(written: string): number | undefined {
  return written === '-' || written === '' || Number.isNaN(Number(written)) ? undefined : Number(written);
}

function list(written: string): readonly string[] {
  return written === '-' || written === '' ? [] : written.split(',');
}

/** Heads of lines of which nothing failed: most are, and need not be read to be known as that. */
const fine = (type: string): RegExp =>
  new RegExp(`^${[recordVersion, '\\w+', type, '-', '-', '-', ''].join(' ')}`.replaceAll(' ', recordSeparator));
const fineRequest = fine('Downstream\\w+ [123]\\d\\d [-0]');
const fineConnection = fine('TcpConnectionEnd 0 -');

/** How many characters of a line are enough for these two. */
export const tellingLength = 80;

/** Whether a line is of a request that went well, which a proxy may leave out. */
export const wentWell = (line: string): boolean => fineRequest.test(line);

/** Whether a line may be of something that failed; `hasFailed` says it for certain. */
export const mayHaveFailed = (line: string): boolean => !fineRequest.test(line) && !fineConnection.test(line);

/** Whether it did not go as its caller wished: an error status, or a flag that means one. */
export function hasFailed({ kind, code, flags, grpcStatus, termination, upstreamFailure }: AccessRecord): boolean {
  if (kind === 'refused') return true;
  const failures = flags.filter((flag) => !harmlessFlags.has(flag));
  if (failures.length > 0) return true;
  if (kind === 'connection') return termination !== '' || upstreamFailure !== '';
  return (code ?? 0) >= 400 || code === 0 || (grpcStatus !== '' && grpcStatus !== '0');
}

/** Delayed on purpose, answered from a cache, or the whole mesh's time for a connection over. */
export const harmlessFlags: ReadonlySet<string> = new Set(['DI', 'RFCF', 'DT']);
