// What one finding about a failed request looks at, and what it answers: the records, who they are of, and what is known beside them.

import type { Meaning } from './meaning.ts';
import type { AccessRecord } from './record.ts';

/** An object and a field of it: `VirtualService/default/reviews`, `spec.http[0]`. */
export interface OriginName {
  readonly object: string;
  /** Empty for the whole object. */
  readonly path: string;
}

/** What the control plane knows now of what a record names. */
export interface Known {
  /** The objects behind the cluster that the caller's proxy used. */
  readonly cluster: readonly OriginName[];
  /** Whether that cluster stands for no service: its caller was passed on to where it dialled. */
  readonly undeclared: boolean;
  /** The rules of the virtual host that the caller's proxy used. */
  readonly rules: readonly OriginName[];
  /** That cluster's endpoints; undefined: not known. */
  readonly endpoints: number | undefined;
  /** The ALLOW policies of the proxy that refused it. */
  readonly allowing: readonly OriginName[];
  /** Their rules, each with what it asks for that this had not, as far as a record tells. */
  readonly considered: readonly (OriginName & { readonly text: string })[];
  /** Where the TLS mode that the destination takes is said; empty: nowhere. */
  readonly authentication: readonly OriginName[];
}

export interface Found extends Meaning {
  /** Undefined: the route and the cluster. */
  readonly origins?: readonly OriginName[];
  /** What else was looked at before it was decided: one line each. */
  readonly considered?: readonly string[];
}

export interface Scene {
  /** The record that is nearest to the cause. */
  readonly record: AccessRecord;
  readonly caller: AccessRecord | undefined;
  readonly destination: AccessRecord | undefined;
  readonly names: { readonly caller: string; readonly destination: string };
  readonly known: Known;
}

/** How the end of a connection looks from the other side of who ended it. */
export const leaving: ReadonlySet<string> = new Set(['DC', 'DR']);

/** `VirtualService/default/echo#spec.http[2].match[0]`. */
export function originsOf(source: string): readonly OriginName[] {
  if (source === '') return [];
  const [object = '', path = ''] = source.split('#');
  return [{ object, path }];
}

export const routeOrigins = (record: AccessRecord | undefined): readonly OriginName[] =>
  record === undefined ? [] : originsOf(record.routeOrigin === '' ? record.chainOrigin : record.routeOrigin);

export const writerOf = ({ writer: { workload, namespace } }: AccessRecord): string => `${workload}.${namespace}`;
