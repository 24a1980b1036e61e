// Exchanges as they happen: a record waits a moment for the other end's, then goes alone.

import { joinRecords, type Exchange } from './join.ts';
import type { RecordSource } from './record-book.ts';
import type { AccessRecord } from './record.ts';

/** How long one end waits for the other, in milliseconds: each Envoy sends what it has four times a second. */
const patienceMs = 1000;
const lookMs = 250;
/** More wait only where nothing fits together; the oldest are given up. */
const mostWaiting = 10_000;

/** `take` hears of each exchange once, until disposed. Records that fit together later than they should make two of it. */
export function followExchanges(source: RecordSource, take: (exchange: Exchange) => void): Disposable {
  let waiting: { readonly record: AccessRecord; readonly since: number }[] = [];
  const following = source.follow((records) => {
    const since = performance.now();
    waiting.push(...records.map((record) => ({ record, since })));
    if (waiting.length > mostWaiting) waiting = waiting.slice(-mostWaiting);
  });
  const timer = setInterval(() => {
    if (waiting.length === 0) return;
    const late = performance.now() - patienceMs;
    const overdue = new Set(waiting.filter(({ since }) => since < late).map(({ record }) => record));
    const told = new Set<AccessRecord>();
    for (const exchange of joinRecords(waiting.map(({ record }) => record))) {
      const { caller, destination, attempts } = exchange;
      const parts = [caller, destination, ...attempts].filter((part) => part !== undefined);
      if (!isWhole(exchange) && !parts.some((part) => overdue.has(part))) continue;
      for (const part of parts) told.add(part);
      take(exchange);
    }
    waiting = waiting.filter(({ record, since }) => !told.has(record) && since >= late);
  }, lookMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      following[Symbol.dispose]();
    },
  };
}

/** Both ends are there, or it never left. */
const isWhole = ({ caller, destination }: Exchange): boolean =>
  caller !== undefined && (destination !== undefined || caller.endpoint === '');
