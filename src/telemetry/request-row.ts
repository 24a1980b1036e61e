// A request or connection as one line: who called whom, what came of it. What the API's list and `lateen requests` show.

import type { Exchange } from './join.ts';
import { hasFailed, type AccessRecord } from './record.ts';

export interface RequestRow {
  readonly id: string;
  readonly kind: Exchange['kind'];
  /** RFC 3339, with milliseconds. */
  readonly time: string;
  /** `productpage-v1.bookinfo`; an identity or an address where no record of the caller says more. */
  readonly from: string;
  /** `reviews-v2.bookinfo`; the service's host, or what was dialled, where it was not reached. */
  readonly to: string;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly protocol: string;
  /** As the caller got it; undefined for connections. 0: none was sent. */
  readonly code: number | undefined;
  readonly grpcStatus: string;
  /** Of both proxies, the caller's first. */
  readonly flags: readonly string[];
  /** Milliseconds, as the caller's proxy measured it. */
  readonly duration: number | undefined;
  readonly received: number | undefined;
  readonly sent: number | undefined;
  readonly failed: boolean;
  readonly caller?: AccessRecord;
  readonly destination?: AccessRecord;
  readonly attempts: readonly AccessRecord[];
}

export function rowOf(exchange: Exchange): RequestRow {
  const { id, kind, caller, destination, attempts } = exchange;
  const leading = caller ?? destination;
  return {
    id,
    kind,
    time: new Date(exchange.time).toISOString(),
    from: callerNames(exchange)[0] ?? '',
    to: destinationNames(exchange)[0] ?? '',
    method: leading?.method ?? '',
    authority: leading?.authority ?? '',
    path: leading?.path ?? '',
    protocol: kind === 'connection' ? 'TCP' : (leading?.protocol ?? ''),
    code: kind === 'connection' ? undefined : leading?.code,
    grpcStatus: leading?.grpcStatus ?? '',
    flags: [...new Set([...(caller?.flags ?? []), ...(destination?.flags ?? [])])],
    duration: leading?.duration,
    received: leading?.received,
    sent: leading?.sent,
    failed: failedIn(exchange),
    ...(caller && { caller }),
    ...(destination && { destination }),
    attempts,
  };
}

/** A caller that got its answer does not care how its connection ended at the other side. */
export const failedIn = ({ kind, caller, destination }: Pick<Exchange, 'kind' | 'caller' | 'destination'>): boolean =>
  (caller !== undefined && hasFailed(caller)) ||
  (destination !== undefined && (caller === undefined || kind === 'connection') && hasFailed(destination));

/** What the caller is called, the best name first: a person may write any of them. */
export function callerNames({ caller, destination }: Pick<Exchange, 'caller' | 'destination'>): readonly string[] {
  if (caller !== undefined) return writerNames(caller);
  if (destination === undefined) return [];
  const { callerIdentity, remote } = destination;
  const [, namespace, account] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/(.+)$/.exec(callerIdentity) ?? [];
  const known = namespace === undefined || account === undefined ? [] : [`${account}.${namespace}`, account];
  return [...known, ...(callerIdentity === '' ? [] : [callerIdentity]), remote.replace(/:\d+$/, '')];
}

export function destinationNames({
  caller,
  destination,
  host = hostCalled(caller),
}: Pick<Exchange, 'caller' | 'destination' | 'host'>): readonly string[] {
  const service = host === undefined ? [] : serviceNames(host);
  if (destination !== undefined) return [...writerNames(destination), ...service];
  const dialled = [caller?.authority ?? '', caller?.local ?? ''].filter((name) => name !== '');
  return [...service, ...dialled];
}

const writerNames = ({ writer: { workload, pod, namespace } }: AccessRecord): readonly string[] => [
  `${workload}.${namespace}`,
  workload,
  pod,
  `${pod}.${namespace}`,
];

/** The host of `outbound|9080|v1|reviews.default.svc.cluster.local`, or of the virtual host where no route led to a cluster. */
function hostCalled(caller: AccessRecord | undefined): string | undefined {
  const [direction, , , host] = (caller?.cluster ?? '').split('|');
  if (direction === 'outbound' && host !== undefined) return host;
  return /^(.+\..+):\d+$/.exec(caller?.virtualHost ?? '')?.[1];
}

/** A host in the forms in which people write it. */
function serviceNames(host: string): readonly string[] {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc\./.exec(host) ?? [];
  return name === undefined || namespace === undefined ? [host] : [`${name}.${namespace}`, name, host];
}

/** The namespaces that an exchange concerns. */
export const namespacesOf = ({
  caller,
  destination,
  host = hostCalled(caller),
}: Pick<Exchange, 'caller' | 'destination' | 'host'>): readonly (string | undefined)[] => [
  caller?.writer.namespace,
  destination?.writer.namespace,
  serviceNames(host ?? '')[0]?.split('.')[1],
];
