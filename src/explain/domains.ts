// Which virtual host of a table a request's host means: exact names before `*.suffix` before `prefix.*` before `*`, longer first.

import type { RouteConfiguration } from '../../gen/envoy/config/route/v3/route_pb.js';
import type { VirtualHost } from '../../gen/envoy/config/route/v3/route_components_pb.js';

export interface ChosenHost {
  readonly host: VirtualHost;
  /** The domain that matched, as it is written. */
  readonly domain: string;
}

interface Index {
  readonly exact: ReadonlyMap<string, ChosenHost>;
  /** `.suffix` and `prefix.` by length, longest first. */
  readonly suffixes: readonly (readonly [text: string, chosen: ChosenHost])[];
  readonly prefixes: readonly (readonly [text: string, chosen: ChosenHost])[];
  readonly any: ChosenHost | undefined;
}

const indexes = new WeakMap<RouteConfiguration, Index>();

/** `authority` as the request has it, with a port or without. */
export function virtualHostFor(table: RouteConfiguration, authority: string): ChosenHost | undefined {
  const { exact, suffixes, prefixes, any } = indexOf(table);
  const host = hostAsked(table, authority);
  const found =
    exact.get(host) ??
    suffixes.find(([text]) => host.length > text.length && host.endsWith(text))?.[1] ??
    prefixes.find(([text]) => host.length > text.length && host.startsWith(text))?.[1];
  return found ?? any;
}

/** The host that domains are compared with: in lower case, without its port where the table does not look at ports. */
export function hostAsked({ ignorePortInHostMatching }: RouteConfiguration, authority: string): string {
  const host = authority.toLowerCase();
  return ignorePortInHostMatching ? withoutPort(host) : host;
}

/** A host without its port; an IPv6 address keeps its brackets. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon > host.lastIndexOf(']') ? host.slice(0, colon) : host;
}

function indexOf(table: RouteConfiguration): Index {
  const known = indexes.get(table);
  if (known !== undefined) return known;
  const exact = new Map<string, ChosenHost>();
  const suffixes: [string, ChosenHost][] = [];
  const prefixes: [string, ChosenHost][] = [];
  let any: ChosenHost | undefined;
  for (const host of table.virtualHosts) {
    for (const domain of host.domains) {
      const text = domain.toLowerCase();
      const chosen = { host, domain };
      if (text === '*') any ??= chosen;
      else if (text.startsWith('*')) suffixes.push([text.slice(1), chosen]);
      else if (text.endsWith('*')) prefixes.push([text.slice(0, -1), chosen]);
      else if (!exact.has(text)) exact.set(text, chosen);
    }
  }
  const longest = (a: readonly [string, unknown], b: readonly [string, unknown]) => b[0].length - a[0].length;
  const index = { exact, suffixes: suffixes.toSorted(longest), prefixes: prefixes.toSorted(longest), any };
  indexes.set(table, index);
  return index;
}
