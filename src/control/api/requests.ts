// Requests that have happened, as the API lists and follows them: the access records of the mesh's agents, joined and chosen from.

import type { Mesh } from '../../mesh/mesh.ts';
import type { UnrecordedAnswer } from './contract.ts';
import { withHost } from './dialled-service.ts';
import { recordsOf } from './happened.ts';
import { distinctRequests, type DistinctRequests } from '../../telemetry/distinct-requests.ts';
import { joinRecords, requestKey, type Exchange } from '../../telemetry/join.ts';
import { followExchanges } from '../../telemetry/join-follow.ts';
import type { RecordSource } from '../../telemetry/record-book.ts';
import type { AccessRecord } from '../../telemetry/record.ts';
import { callerNames, destinationNames, failedIn, namespacesOf, rowOf, type RequestRow } from '../../telemetry/request-row.ts';

export interface RequestsQuery {
  readonly failed: boolean;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** A request's id, or its beginning. */
  readonly id: string | undefined;
  readonly namespace: string | undefined;
  /** That began then or later: milliseconds of Unix time. */
  readonly since: number | undefined;
  /** The last ones only. */
  readonly limit: number | undefined;
}

/** Oldest first. Of the records no more are read than it takes. */
export function listRequests(source: RecordSource, query: RequestsQuery, mesh: Mesh, now = Date.now()): RequestRow[] {
  const { id, limit, since = 0 } = query;
  const chosen = choice(query);
  const from = (records: Iterable<AccessRecord>): Exchange[] =>
    joinRecords(records)
      .map((exchange) => withHost(exchange, mesh))
      .filter(chosen);
  if (id !== undefined) return last(from(recordsOf(id.toLowerCase(), source)), limit).map(rowOf);
  // The last ones are looked for among the latest, then further and further back.
  for (const span of limit === undefined ? [] : spans) {
    const begin = now - span;
    if (begin <= since) break;
    // What begins there may be told of by one that ended up in a batch before.
    const found = from(source.recent('', begin - clocksApart)).filter(({ time }) => time >= begin);
    if (found.length >= (limit ?? 0)) return last(found, limit).map(rowOf);
  }
  return last(from(source.recent('', since - clocksApart)), limit).map(rowOf);
}

/** Milliseconds: each is read anew with what the one before it had. */
const spans = [10_000, 60_000, 600_000];

/** Milliseconds by which the two ends of a request may differ in when it began. */
const clocksApart = 10_000;

const last = (exchanges: readonly Exchange[], limit: number | undefined): readonly Exchange[] =>
  limit === undefined ? exchanges : limit === 0 ? [] : exchanges.slice(-limit);

/** What the lists leave out, by workload. */
export function unrecorded(source: RecordSource): UnrecordedAnswer {
  const workloads = new Map<string, UnrecordedAnswer[number]>();
  for (const { writer, count } of source.unrecorded()) {
    const { workload, namespace } = writer;
    const key = `${namespace}/${workload}`;
    workloads.set(key, { workload, namespace, count: count + (workloads.get(key)?.count ?? 0) });
  }
  return [...workloads.values()];
}

/** All of them, each kind once. */
export const distinctOf = (source: RecordSource, query: RequestsQuery, mesh: Mesh): DistinctRequests => ({
  ...distinctRequests(listRequests(source, query, mesh)),
  unrecorded: source.unrecorded().reduce((sum, { count }) => sum + count, 0),
});

/** Those that end from now on; the answer ends it. */
export function followRequests(
  source: RecordSource,
  query: RequestsQuery,
  mesh: () => Mesh,
  take: (row: RequestRow) => void,
): () => void {
  const chosen = choice(query);
  const following = followExchanges(source, (told) => {
    const exchange = withHost(told, mesh());
    if (chosen(exchange)) take(rowOf(exchange));
  });
  return () => following[Symbol.dispose]();
}

function choice({ failed, from, to, id, namespace, since = 0 }: RequestsQuery): (exchange: Exchange) => boolean {
  const key = id === undefined ? undefined : requestKey(id.toLowerCase());
  return (exchange) =>
    exchange.time >= since &&
    (!failed || failedIn(exchange)) &&
    (from === undefined || callerNames(exchange).includes(from)) &&
    (to === undefined || destinationNames(exchange).includes(to)) &&
    (key === undefined || requestKey(exchange.id).startsWith(key)) &&
    (namespace === undefined || namespacesOf(exchange).includes(namespace));
}
