// Which services a workload has called: the clusters that its proxies used and asked for, and its access records → one entry per
// service. What `lateen scope` shows, and makes a Sidecar of.

import { compareText } from '../lib/order.ts';
import { parseOutboundCluster } from '../compile/names.ts';
import type { AccessRecord } from './record.ts';

/** A service, or hosts that a VirtualService alone declares. */
export interface HostName {
  readonly host: string;
  readonly namespace: string;
}

/** What is known of hosts, for the namespace of the workload. */
export interface HostIndex {
  /** By its host, or by a virtual address of it and a port. */
  service(host: string, port: number): HostName | undefined;
  /** A host of VirtualServices. */
  ruled(host: string): HostName | undefined;
}

/** A cluster of one proxy. */
export interface UsedCluster {
  readonly name: string;
  /** Requests, or connections where it carries no HTTP; 0: it was asked for, and nothing counted it. */
  readonly calls: number;
}

export interface CalledService extends HostName {
  /** Sorted. */
  readonly ports: readonly number[];
  readonly subsets: readonly string[];
  /** As far as they were counted: endpoints that have gone took their counts with them. */
  readonly calls: number;
  /** When it was last called, RFC 3339; undefined where no record of it is left. */
  readonly last: string | undefined;
}

export interface Called {
  /** By namespace and host. */
  readonly services: readonly CalledService[];
  /** Hosts and addresses that nobody declared. */
  readonly outside: readonly string[];
}

interface Entry extends HostName {
  readonly ports: Set<number>;
  readonly subsets: Set<string>;
  calls: number;
  last: number;
}

export function calledServices(clusters: readonly UsedCluster[], records: readonly AccessRecord[], hosts: HostIndex): Called {
  const entries = new Map<string, Entry>();
  const outside = new Set<string>();
  const entryOf = (name: HostName): Entry => {
    const key = `${name.namespace}/${name.host}`;
    const entry = entries.get(key) ?? { ...name, ports: new Set(), subsets: new Set(), calls: 0, last: 0 };
    entries.set(key, entry);
    return entry;
  };
  const clusterEntry = (cluster: string): Entry | undefined => {
    const parts = parseOutboundCluster(cluster);
    const service = parts && hosts.service(parts.host, parts.port);
    if (parts === undefined || service === undefined) return undefined;
    const entry = entryOf(service);
    entry.ports.add(parts.port);
    if (parts.subset !== '') entry.subsets.add(parts.subset);
    return entry;
  };

  for (const { name, calls } of clusters) {
    const entry = clusterEntry(name);
    if (entry !== undefined) entry.calls += calls;
  }
  for (const record of records) {
    if (record.side === 'inbound') continue;
    const entry = clusterEntry(record.cluster);
    // Rules of a host lead to services of other names: without its host a Sidecar would take the rules away.
    const [, asked = '', port = ''] = /^(.+):(\d+)$/.exec(record.virtualHost) ?? [];
    const host = asked === '' ? undefined : (hosts.service(asked, Number(port)) ?? hosts.ruled(asked));
    const found = [entry, host && entryOf(host)].filter((each) => each !== undefined);
    for (const each of found) each.last = Math.max(each.last, record.time);
    if (found.length === 0 && record.endpoint !== '') outside.add(record.authority || record.local);
  }
  return {
    services: [...entries.values()]
      .sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.host, b.host))
      .map(({ ports, subsets, last, ...rest }) => ({
        ...rest,
        ports: [...ports].sort((a, b) => a - b),
        subsets: [...subsets].sort(compareText),
        last: last === 0 ? undefined : new Date(last).toISOString(),
      })),
    outside: [...outside].sort(compareText),
  };
}
