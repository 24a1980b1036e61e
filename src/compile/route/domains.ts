// Under which hosts requests reach a virtual host: whole names, absolute ones, callers' short forms, virtual addresses.

import { alternativeHosts, isWildcard, shortName } from '../../mesh/hostname.ts';

/** What a virtual host is called by. */
export interface Named {
  /** Whole names: of the service and its aliases, or the one that only rules name. */
  readonly hosts: readonly string[];
  /** Virtual addresses, without CIDRs. */
  readonly addresses: readonly string[];
  /** A service: callers shorten its name. A host that only rules name is what it is. */
  readonly registered: boolean;
  /** Its pods have names of their own, under the service's. */
  readonly headless: boolean;
}

/** The domains for callers with a DNS domain. A short form that is another host's whole name (`known`) is that host's. */
export function domainsOf(named: Named, dnsDomain: string, known: ReadonlySet<string>): string[] {
  if (!named.registered) return [...named.hosts];
  const names = named.hosts.flatMap((host) => [
    host,
    ...(isWildcard(host) ? [] : [`${host}.`]),
    ...alternativeHosts(host, dnsDomain).filter((short) => !known.has(short)),
  ]);
  return [...new Set([...withPods(named, names), ...named.addresses.map(bracketed)])];
}

/** Those of them that only callers of the service's own namespace use. */
export function ownDomains(named: Named, dnsDomain: string, known: ReadonlySet<string>): string[] {
  if (!named.registered) return [];
  const names = named.hosts.flatMap((host) => shortName(host, dnsDomain) ?? []).filter((short) => !known.has(short));
  return withPods(named, names);
}

const withPods = ({ headless }: Named, names: readonly string[]): string[] =>
  headless ? [...names, ...names.map((name) => `*.${name}`)] : [...names];

/** An IPv6 address as it stands in an authority. */
const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
