// Requests that happened, as `requests` prints them: a line each.

import type { UnrecordedAnswer } from '../control/api/contract.ts';
import type { RequestRow } from '../telemetry/request-row.ts';
import { tableText } from './table.ts';

export interface RequestOutput {
  readonly wide: boolean;
  readonly headers: boolean;
  /** Lines that come one by one: their columns stand where they mostly fit. */
  readonly alone: boolean;
}

const columns = [
  ['Time', 12],
  ['From', 24],
  ['To', 24],
  ['Request', 40],
  ['Status', 8],
  ['Took', 7],
  ['ID', 8],
] as const;
const wideColumns = [
  ['Route', 20],
  ['Cluster', 48],
  ['Endpoint', 18],
  ['Details', 0],
] as const;

export function requestsText(rows: readonly RequestRow[], { wide, headers, alone }: RequestOutput): string {
  const shown = [...columns, ...(wide ? wideColumns : [])];
  const head = shown.map(([name, width]) => (alone ? name.padEnd(width) : name));
  const cells = rows.map((row) => [...usual(row, wide), ...(wide ? more(row) : [])]);
  const placed = alone ? cells.map((line) => line.map((cell, index) => (cell || '-').padEnd(shown[index]?.[1] ?? 0))) : cells;
  const text = tableText(head, placed, { headers: true });
  return headers ? text : text.slice(text.indexOf('\n') + 1);
}

/** What a list leaves out of what was asked for; undefined where that is nothing. */
export function unrecordedText(
  all: UnrecordedAnswer,
  {
    namespace,
    from,
    to,
  }: { readonly namespace?: string | undefined; readonly from?: string | undefined; readonly to?: string | undefined },
): string | undefined {
  const ends = [from, to].filter((end) => end !== undefined);
  const told = all.filter(
    (each) =>
      (namespace === undefined || each.namespace === namespace) &&
      (ends.length === 0 || ends.some((end) => end === each.workload || end === `${each.workload}.${each.namespace}`)),
  );
  if (told.length === 0) return undefined;
  const proxies = told.map(({ workload, namespace: where, count }) => `${workload}.${where} (about ${count} more)`).join(', ');
  return `more goes well here than is recorded: ${proxies}; what failed is all there`;
}

const usual = (row: RequestRow, wide: boolean): string[] => [
  clockTime(row.time),
  row.from,
  row.to,
  askedText(row),
  statusText(row),
  row.duration === undefined ? '' : `${row.duration}ms`,
  wide ? row.id : shortId(row.id),
];

/** What happened at the caller's side; where it wrote nothing, at the other. */
function more({ caller, destination }: RequestRow): string[] {
  const leading = caller ?? destination;
  const reasons = [leading, destination].flatMap((record) =>
    record === undefined ? [] : [record.details, record.termination, record.upstreamFailure, record.downstreamFailure],
  );
  const told = [...new Set(reasons)].filter((reason) => reason !== '' && reason !== 'via_upstream');
  return [leading?.route ?? '', leading?.cluster ?? '', leading?.endpoint ?? '', told.join(' ')];
}

const askedText = ({ kind, method, authority, path }: RequestRow): string =>
  kind === 'connection' ? 'TCP' : method === '' ? 'no valid request' : `${method} ${authority}${path}`;

/** `GET reviews/1: 503 UH after 3ms`. */
export const requestText = (row: RequestRow): string =>
  `${askedText(row)}: ${statusText(row)}${row.duration === undefined ? '' : ` after ${row.duration}ms`}`;

/** `503 UH`, `200`, `reset UF`; `0` means that no answer was sent. */
function statusText({ kind, code, grpcStatus, flags, failed }: RequestRow): string {
  const status = kind === 'connection' ? (failed ? 'failed' : 'closed') : String(code ?? '');
  const grpc = grpcStatus === '' || grpcStatus === '0' ? [] : [`grpc ${grpcStatus}`];
  return [status, ...grpc, ...(flags.length > 0 ? [flags.join(',')] : [])].join(' ');
}

/** As much of an id as tells requests apart, and as `why` takes it. */
const shortId = (id: string): string =>
  id.slice(0, /^(?:tcp|http)-/.exec(id)?.[0].length ?? 0).concat(id.replace(/^(?:tcp|http)-/, '').slice(0, 8));

/** A time of today, where this terminal is. */
function clockTime(time: string): string {
  const at = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
