// Requests that happened, each kind of them once with how many there were: what is asked again when a change is planned. A hundred
// thousand records are few different requests.

import type { AccessRecord } from './record.ts';
import type { RequestRow } from './request-row.ts';

/** Requests that are the same as far as records tell. */
export interface DistinctRequest {
  /** Of the last of them. */
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  /** `productpage-v1.bookinfo`. */
  readonly caller: string;
  /** `GET http://reviews:9080/reviews/0`, `tcp 10.96.0.7:5432`. */
  readonly request: string;
  readonly count: number;
  readonly outcome: {
    /** Envoy's name of where it was sent; empty where it was not. */
    readonly cluster: string;
    /** `VirtualService/default/reviews#spec.http[0]`; empty where the proxy did not say. */
    readonly rule: string;
    /** Whether a destination's policy refused it; undefined where no destination told. */
    readonly refused: boolean | undefined;
  };
  /** How it came to the first proxy that told of it; a text says why that is not known. */
  readonly arrival: Arrival | string;
}

export interface Arrival {
  /** Where that proxy stands. */
  readonly side: AccessRecord['side'];
  readonly kind: 'request' | 'connection';
  readonly namespace: string;
  readonly pod: string;
  readonly workload: string;
  readonly method: string;
  readonly authority: string;
  /** Without its query. */
  readonly path: string;
  readonly protocol: string;
  readonly grpc: boolean;
  /** As it was dialled. */
  readonly address: string;
  readonly port: number;
  /** The other end's address; empty where it is the workload's own. */
  readonly source: string;
  readonly identity: string;
  readonly serverName: string;
}

type Told = Pick<RequestRow, 'id' | 'kind' | 'time' | 'from' | 'caller' | 'destination'>;

export interface DistinctRequests {
  /** In the order of their first. */
  readonly requests: readonly DistinctRequest[];
  /** How many there were besides, too different from one another to be kept apart. */
  readonly more: number;
  /** About so many went well besides, of which nobody wrote a record. */
  readonly unrecorded: number;
}

/** More would take more memory and time than a plan is worth. */
const mostDistinct = 50_000;

export function distinctRequests(rows: Iterable<Told>, most = mostDistinct): Omit<DistinctRequests, 'unrecorded'> {
  const found = new Map<string, DistinctRequest>();
  let more = 0;
  for (const row of rows) {
    const one = requestOf(row);
    const key = JSON.stringify([one.caller, one.request, one.outcome, one.arrival]);
    const same = found.get(key);
    if (same === undefined && found.size === most) more++;
    else {
      const last = same === undefined || isLater(one, same) ? one : same;
      found.set(key, { ...last, count: (same?.count ?? 0) + 1 });
    }
  }
  return { requests: [...found.values()], more };
}

/** Of the same moment one is taken that does not hang on their order. */
const isLater = (one: DistinctRequest, other: DistinctRequest): boolean =>
  one.time > other.time || (one.time === other.time && one.id > other.id);

function requestOf({ id, kind, time, from, caller, destination }: Told): DistinctRequest {
  const leading = caller ?? destination;
  const outcome = {
    cluster: caller?.cluster ?? '',
    rule: ruleOf(caller),
    refused: destination === undefined ? undefined : /^(?:rbac|jwt_authn)_access_denied/.test(destination.details),
  };
  const arrival = leading === undefined ? 'the record does not say whose it is' : arrivalOf(leading);
  return { id, time, caller: from, request: words(kind, leading), count: 1, outcome, arrival };
}

/** A route that is of no object has one all the same: its service. Rules are what differs. */
const ruleOf = (caller: AccessRecord | undefined): string =>
  caller !== undefined && caller.routeOrigin.includes('#') ? caller.routeOrigin : '';

function words(kind: Told['kind'], leading: AccessRecord | undefined): string {
  if (leading === undefined) return '';
  const { method, authority, path, local, serverName } = leading;
  if (kind === 'connection') return `tcp ${serverName === '' ? local : `${serverName} (${local})`}`;
  return `${method} http${isSecure(leading) ? 's' : ''}://${authority}${path}`;
}

/** What callers from outside speak; in the mesh it is the proxies' own. */
const isSecure = ({ side, serverName, callerIdentity }: AccessRecord): boolean =>
  side === 'gateway' && (serverName !== '' || callerIdentity !== '');

/** Lengths that records cut what callers choose to. */
const cut = { path: 256, authority: 253, method: 16 };

function arrivalOf(record: AccessRecord): Arrival | string {
  const { side, kind, writer, method, authority, path, protocol, local, remote, serverName, callerIdentity, grpcStatus } = record;
  if (kind === 'refused') return 'a connection that was refused before it said what it carries';
  const dialled = addressOf(local);
  if (dialled === undefined) return 'where it went is not recorded';
  if (kind === 'request') {
    if (authority === '' || method === '' || path === '') return 'it was no whole request';
    if (path.length >= cut.path || authority.length >= cut.authority || method.length >= cut.method)
      return 'it is longer than a record holds';
  }
  return {
    side,
    kind,
    namespace: writer.namespace,
    pod: writer.pod,
    workload: writer.workload,
    method,
    authority,
    path,
    protocol,
    grpc: grpcStatus !== '',
    ...dialled,
    source: side === 'outbound' ? '' : (addressOf(remote)?.address ?? ''),
    identity: callerIdentity,
    serverName,
  };
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
function addressOf(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, six, four, port] = /^(?:\[([\da-f:.%]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? [];
  const address = six ?? four;
  return address === undefined ? undefined : { address, port: Number(port) };
}
