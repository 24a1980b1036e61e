// The requests that a plan replays: those that the running mesh has recorded, or a file of them that `lateen requests` wrote.

import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../../api/fit.ts';
import { recordFields } from '../../../compile/listener/access-record.ts';
import { distinctRequests, type DistinctRequests } from '../../../telemetry/distinct-requests.ts';
import type { AccessRecord } from '../../../telemetry/record.ts';
import type { RequestRow } from '../../../telemetry/request-row.ts';
import { connect } from '../../client.ts';
import { Failure } from '../../failure.ts';
import { textOf } from '../../mesh-inputs.ts';
import { sinceOf } from '../../since.ts';
import type { OnlineOptions } from '../../verb.ts';

export interface ReplayOptions extends OnlineOptions {
  /** A file, or the running mesh's. */
  readonly replay?: string | boolean;
  readonly since?: string;
}

export async function recordedRequests(options: ReplayOptions): Promise<DistinctRequests> {
  const since = options.since === undefined ? undefined : sinceOf(options.since);
  if (typeof options.replay !== 'string') {
    const found = await connect(options).get<DistinctRequests>('/v1/requests', { distinct: true, since });
    if (found.requests.length === 0)
      throw new Failure('the mesh has recorded no requests', 'make some, or give a longer --since');
    return found;
  }
  const rows = rowsIn(textOf(options.replay), options.replay);
  return { ...distinctRequests(rows.filter(({ time }) => since === undefined || Date.parse(time) >= since)), unrecorded: 0 };
}

type Row = Pick<RequestRow, 'id' | 'kind' | 'time' | 'from' | 'caller' | 'destination'>;

/** What `lateen requests -o json`, `-o yaml` and the same with `-w` write. Throws `Failure` for what is none of it. */
function rowsIn(text: string, file: string): Row[] {
  const values = jsonIn(text) ?? linesIn(text) ?? yamlIn(text);
  const rows = values?.flatMap((value) => rowOf(value) ?? []) ?? [];
  if (rows.length === 0) throw new Failure(`there are no recorded requests in ${file}`, 'lateen requests -o json writes them');
  return rows;
}

function jsonIn(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown[]) : [value];
  } catch {
    return undefined;
  }
}

function linesIn(text: string): unknown[] | undefined {
  if (!text.startsWith('{')) return undefined;
  const values = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [jsonIn(line)]));
  return values.every((value) => value !== undefined) ? values.flat() : undefined;
}

function yamlIn(text: string): unknown[] | undefined {
  try {
    const documents = parseAllDocuments(text);
    if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return undefined;
    return documents.flatMap((document) => document.toJS() as unknown);
  } catch {
    // Aliases of aliases without end.
    return undefined;
  }
}

const textIn = (value: Readonly<Record<string, unknown>>, name: string): string => {
  const text = value[name];
  return typeof text === 'string' ? text : '';
};

function rowOf(value: unknown): Row | undefined {
  if (!isRecord(value)) return undefined;
  const [caller, destination] = [recordIn(value['caller']), recordIn(value['destination'])];
  const [id, time] = [textIn(value, 'id'), textIn(value, 'time')];
  if (id === '' || Number.isNaN(Date.parse(time)) || (caller === undefined && destination === undefined)) return undefined;
  return {
    id,
    time,
    kind: value['kind'] === 'connection' ? 'connection' : 'request',
    from: textIn(value, 'from'),
    ...(caller && { caller }),
    ...(destination && { destination }),
  };
}

const sides = ['outbound', 'inbound', 'gateway'] as const;
const kinds = ['request', 'connection', 'refused'] as const;

/** What else a record has, nobody asks for here. */
function recordIn(value: unknown): AccessRecord | undefined {
  if (!isRecord(value) || !isRecord(value['writer'])) return undefined;
  const writer = value['writer'];
  const side = sides.find((each) => each === value['side']);
  const kind = kinds.find((each) => each === value['kind']);
  if (side === undefined || kind === undefined) return undefined;
  const texts = Object.fromEntries(recordFields.map(([name]) => [name, textIn(value, name)]));
  return {
    ...texts,
    side,
    kind,
    writer: { namespace: textIn(writer, 'namespace'), pod: textIn(writer, 'pod'), workload: textIn(writer, 'workload') },
  } as unknown as AccessRecord;
}
