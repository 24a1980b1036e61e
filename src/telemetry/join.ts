// The caller's and the destination's record of one request or connection, found among all: by request id and the connection that both
// saw. What `lateen requests` shows is one of these.

import { createHash } from 'node:crypto';
import type { AccessRecord } from './record.ts';

export interface Exchange {
  /** The request's id, or one made of a connection's addresses and beginning. */
  readonly id: string;
  readonly kind: 'request' | 'connection';
  /** When it began: milliseconds of Unix time. */
  readonly time: number;
  /** What the caller's proxy, or a gateway, says; undefined where it writes no records, or they are gone. */
  readonly caller: AccessRecord | undefined;
  /** What the destination's proxy says; undefined also where the request never got there. */
  readonly destination: AccessRecord | undefined;
  /** What destinations say of earlier attempts. */
  readonly attempts: readonly AccessRecord[];
  /** The host of the service that was called, where the caller's record names it by an address only. */
  readonly host?: string;
}

/** Oldest first. A gateway that passes a request on is the destination of one exchange and the caller of the next. */
export function joinRecords(records: Iterable<AccessRecord>): Exchange[] {
  const all = withoutEchoes([...records]);
  const arrivals = new Map<string, AccessRecord[]>();
  for (const record of all) if (record.side !== 'outbound') push(arrivals, wireKey(record.remote, record.local), record);
  const byRequest = new Map<string, AccessRecord[]>();
  for (const record of all) if (record.side === 'inbound' && record.id !== '') push(byRequest, requestKey(record.id), record);
  const refused = new Map<string, AccessRecord[]>();
  for (const record of all) if (record.kind === 'refused') push(refused, record.local, record);

  const used = new Set<AccessRecord>();
  const exchanges: Exchange[] = [];
  const callers = all.filter(({ side, kind }) => side !== 'inbound' && kind !== 'refused').sort((a, b) => a.time - b.time);
  for (const caller of callers) {
    const destination = arrivalOf(caller, arrivals, used);
    if (destination !== undefined) used.add(destination);
    const attempts = [...earlierAttempts(caller, byRequest, used), ...refusedAttempts(caller, refused, used)];
    for (const attempt of attempts) used.add(attempt);
    exchanges.push({ ...named(caller), caller, destination, attempts });
  }
  for (const record of all) {
    if (used.has(record) || (record.side !== 'inbound' && record.kind !== 'refused')) continue;
    exchanges.push({ ...named(record), caller: undefined, destination: record, attempts: [] });
  }
  return exchanges.sort((a, b) => a.time - b.time);
}

const named = (record: AccessRecord): Pick<Exchange, 'id' | 'kind' | 'time'> => ({
  id: record.id === '' ? connectionId(record) : record.id,
  kind: record.kind === 'request' ? 'request' : 'connection',
  time: record.time,
});

/** Nothing goes over the wire to tell connections apart, or what is no valid request; this is one name for one. */
const connectionId = ({ writer, kind, side, remote, local, time }: AccessRecord): string =>
  `${kind === 'request' ? 'http' : 'tcp'}-${createHash('sha256').update(`${writer.namespace}/${writer.pod} ${side} ${remote} ${local} ${time}`).digest('hex').slice(0, 12)}`;

/** Where the trace's decision is written into an id on its way: the same request has another character there. */
const traceReason = 14;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]/i;

/** Equal for all records of one request; of the beginning of an id, the beginning of that. */
export const requestKey = (id: string): string =>
  uuid.test(id) ? `${id.slice(0, traceReason)}-${id.slice(traceReason + 1)}` : id;

const wireKey = (from: string, to: string): string => `${from}>${to}`;

/** A TLS handshake that fails before a TCP chain is told of by the chain and by the listener. */
function withoutEchoes(records: readonly AccessRecord[]): readonly AccessRecord[] {
  const told = new Set(records.filter(({ kind }) => kind === 'connection').map(echoKey));
  return records.filter((record) => record.kind !== 'refused' || !told.has(echoKey(record)));
}

const echoKey = ({ writer, remote, time }: AccessRecord): string => `${writer.namespace}/${writer.pod} ${remote} ${time}`;

/** What the other end of the same connection says: of requests the one with the same id, of connections the nearest in time. */
function arrivalOf(
  caller: AccessRecord,
  arrivals: ReadonlyMap<string, readonly AccessRecord[]>,
  used: ReadonlySet<AccessRecord>,
): AccessRecord | undefined {
  const { kind, id, upstreamLocal, endpoint, time } = caller;
  if (upstreamLocal === '' || endpoint === '') return undefined;
  const fits = (record: AccessRecord): boolean => {
    if (record === caller || used.has(record)) return false;
    if (record.kind !== 'request' || kind !== 'request') return Math.abs(record.time - time) < sameConnection;
    return requestKey(record.id) === requestKey(id);
  };
  return (arrivals.get(wireKey(upstreamLocal, endpoint)) ?? [])
    .filter(fits)
    .sort((a, b) => Math.abs(a.time - time) - Math.abs(b.time - time))[0];
}

/** Milliseconds: a port may be used again for another connection later. */
const sameConnection = 10_000;

function earlierAttempts(
  { kind, id, attempted, upstreamLocal }: AccessRecord,
  byRequest: ReadonlyMap<string, readonly AccessRecord[]>,
  used: ReadonlySet<AccessRecord>,
): readonly AccessRecord[] {
  if (kind !== 'request' || id === '' || attempted.length === 0) return [];
  const from = hostOf(upstreamLocal);
  return (byRequest.get(requestKey(id)) ?? []).filter(
    (record) => !used.has(record) && attempted.includes(record.local) && (from === '' || hostOf(record.remote) === from),
  );
}

/** Connections that a caller's attempts came to, and that were refused before there was a request on them. */
function refusedAttempts(
  { attempts = 1, attempted, upstreamLocal, time, duration = 0 }: AccessRecord,
  refused: ReadonlyMap<string, readonly AccessRecord[]>,
  used: ReadonlySet<AccessRecord>,
): readonly AccessRecord[] {
  const from = hostOf(upstreamLocal);
  if (attempts < 2 || from === '') return [];
  return [...new Set(attempted)].flatMap((place) =>
    (refused.get(place) ?? []).filter(
      (record) =>
        !used.has(record) &&
        hostOf(record.remote) === from &&
        record.time >= time &&
        record.time <= time + duration + clocksApart,
    ),
  );
}

/** Milliseconds: of two hosts. */
const clocksApart = 50;

const hostOf = (address: string): string => address.slice(0, Math.max(0, address.lastIndexOf(':')));

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
