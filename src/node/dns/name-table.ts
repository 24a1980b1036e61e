// Which names the mesh answers for, and with what: pure, built whole from the services, asked by server.ts for each query.

import { isIPv4, isIPv6 } from 'node:net';

interface NamedPort {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** A host that the mesh knows. */
export interface NamedHost {
  /** Fully qualified, without a final dot: `reviews.default.svc.cluster.local`, `api.example.com`, `*.example.com`. */
  readonly host: string;
  /** `cluster`: a Kubernetes service, with short names; `external`: a ServiceEntry's host, by its own name only. */
  readonly kind: 'cluster' | 'external';
  readonly namespace?: string;
  readonly shortName?: string;
  /** Virtual addresses, or those of endpoints where there are none. */
  readonly addresses: readonly string[];
  /** The pods of a headless service: all of their addresses answer for the service. `hostname` names a pod below it. */
  readonly headlessPods?: readonly { readonly hostname?: string; readonly address: string }[];
  /** ExternalName: the host is another name for this one. */
  readonly alias?: string;
  readonly ports?: readonly NamedPort[];
}

/** What a name means. Times to live are in seconds. */
export type NameAnswer =
  | {
      readonly found: 'addresses';
      readonly host: string;
      readonly kind: NamedHost['kind'];
      readonly ipv4: readonly string[];
      readonly ipv6: readonly string[];
      readonly ttl: number;
    }
  | { readonly found: 'alias'; readonly host: string; readonly target: string; readonly ttl: number }
  | {
      readonly found: 'ports';
      readonly targets: readonly { readonly target: string; readonly port: number }[];
      readonly ttl: number;
    }
  | { readonly found: 'pointer'; readonly hosts: readonly string[]; readonly ttl: number }
  /** The name has others below it, and no record. */
  | { readonly found: 'parent' }
  /** Nobody has this name; in `ours` nobody else can. */
  | { readonly found: 'nothing'; readonly ours: boolean };

export interface NameTable {
  readonly clusterDomain: string;
  /** What `name` (any case, final dot or not) means to a client in `namespace`, where that is known. */
  lookup(name: string, namespace?: string): NameAnswer;
}

export const usualTtl = 30;
/** Pods come and go faster than virtual addresses. */
const headlessTtl = 5;

/** Names that answers are found under, and the name each stands for. */
interface Names {
  readonly exact: Map<string, NameAnswer>;
  /** By the part after `*.`. */
  readonly wildcard: Map<string, NameAnswer>;
  readonly parents: Set<string>;
}

/** The table of these hosts. A host that is listed more than once answers with the addresses of all. */
export function buildNameTable(hosts: readonly NamedHost[], clusterDomain = 'cluster.local'): NameTable {
  const names: Names = { exact: new Map(), wildcard: new Map(), parents: new Set() };
  const pointers = new Map<string, string[]>();
  for (const host of hosts) addHost(names, pointers, host);
  for (const [name, of] of pointers) names.exact.set(name, { found: 'pointer', hosts: of, ttl: usualTtl });

  const zone = `.${clusterDomain}`;
  const within = (name: string) => name === clusterDomain || name.endsWith(zone) || name.endsWith('.svc');
  return {
    clusterDomain,
    lookup(given, namespace) {
      const name = canonical(given);
      const exact = names.exact.get(name) ?? shortly(names, name, namespace, clusterDomain) ?? byWildcard(names, name);
      if (exact !== undefined) return exact;
      if (names.parents.has(name) || name === clusterDomain) return { found: 'parent' };
      return { found: 'nothing', ours: within(name) };
    },
  };
}

/** Lower case, without a final dot: how names are compared (RFC 4343). */
export const canonical = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();

/** Whether a message can carry the name: labels of 1 to 63 bytes, at most 253 in all. A host that fails is left out. */
function isDnsName(name: string): boolean {
  const labels = name.split('.');
  return Buffer.byteLength(name) <= 253 && labels.every((label) => label !== '' && Buffer.byteLength(label) <= 63);
}

function addHost(names: Names, pointers: Map<string, string[]>, given: NamedHost): void {
  const host = canonical(given.host);
  if (!isDnsName(host) || (given.alias !== undefined && !isDnsName(canonical(given.alias)))) return;
  const ttl = given.headlessPods === undefined ? usualTtl : headlessTtl;
  const addresses = given.headlessPods?.map(({ address }) => address) ?? given.addresses;
  const answer =
    given.alias === undefined
      ? addressAnswer(given.kind, host, addresses, ttl)
      : { found: 'alias' as const, host, target: canonical(given.alias), ttl };
  // Nothing to answer with for a host that is only permitted, not resolved: the network's own DNS knows it.
  if (given.kind === 'external' && given.alias === undefined && addresses.length === 0) return;
  if (host.startsWith('*.')) {
    put(names.wildcard, host.slice(2), answer);
    return;
  }
  const aliases = aliasesOf(host, given);
  for (const name of aliases) put(names.exact, name, answer);
  if (given.kind === 'cluster') for (const parent of parentsOf(host)) names.parents.add(parent);
  for (const address of given.headlessPods === undefined ? addresses : []) addPointer(pointers, address, host);

  for (const { hostname, address } of given.headlessPods ?? []) {
    if (hostname === undefined) continue;
    const label = canonical(hostname);
    const pod = `${label}.${host}`;
    if (!isDnsName(pod)) continue;
    const own = addressAnswer(given.kind, pod, [address], headlessTtl);
    for (const name of aliases) put(names.exact, `${label}.${name}`, own);
    addPointer(pointers, address, pod);
  }
  for (const { name, protocol, port } of given.ports ?? []) {
    const named = (given.headlessPods ?? []).flatMap(({ hostname }) => hostname ?? []);
    const pods = named.map((hostname) => `${canonical(hostname)}.${host}`).filter(isDnsName);
    const targets = (pods.length > 0 ? pods : [host]).map((target) => ({ target, port }));
    for (const alias of aliases) names.exact.set(canonical(`_${name}._${protocol}.${alias}`), { found: 'ports', targets, ttl });
    for (const alias of aliases) names.parents.add(canonical(`_${protocol}.${alias}`));
  }
}

/** All names of a host that mean the same to everybody: of a service also `reviews.default.svc` and `reviews.default`. */
function aliasesOf(host: string, { kind, namespace, shortName }: NamedHost): string[] {
  if (kind === 'external' || namespace === undefined || shortName === undefined) return [host];
  const short = canonical(`${shortName}.${namespace}`);
  return [...new Set([host, `${short}.svc`, short])];
}

/** What a client in a namespace means by `reviews`, or by `web-0.web`. */
function shortly(names: Names, name: string, namespace: string | undefined, clusterDomain: string): NameAnswer | undefined {
  if (namespace === undefined) return undefined;
  return names.exact.get(`${name}.${namespace}.svc.${clusterDomain}`);
}

/** The most specific wildcard: one label after the other is taken away. */
function byWildcard(names: Names, name: string): NameAnswer | undefined {
  if (names.wildcard.size === 0) return undefined;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const answer = names.wildcard.get(name.slice(dot + 1));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function* parentsOf(host: string): Generator<string> {
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) yield host.slice(dot + 1);
}

function addressAnswer(kind: NamedHost['kind'], host: string, addresses: readonly string[], ttl: number): NameAnswer {
  return { found: 'addresses', host, kind, ipv4: addresses.filter(isIPv4), ipv6: addresses.filter(isIPv6), ttl };
}

/** A second answer under a name adds its addresses; where one is an alias the first stays. */
function put(names: Map<string, NameAnswer>, name: string, answer: NameAnswer): void {
  const has = names.get(name);
  if (has === undefined) names.set(name, answer);
  // A name that is somebody's whole name is not taken over as another's short name.
  else if (has.found === 'addresses' && answer.found === 'addresses' && has.host === answer.host) {
    const ipv4 = [...new Set([...has.ipv4, ...answer.ipv4])];
    const ipv6 = [...new Set([...has.ipv6, ...answer.ipv6])];
    names.set(name, { ...has, ipv4, ipv6, ttl: Math.min(has.ttl, answer.ttl) });
  } else if ('host' in answer && answer.host === name) names.set(name, answer);
}

function addPointer(pointers: Map<string, string[]>, address: string, host: string): void {
  const name = pointerName(address);
  if (name === undefined) return;
  const hosts = pointers.get(name);
  if (hosts === undefined) pointers.set(name, [host]);
  else if (!hosts.includes(host)) hosts.push(host);
}

/** The name under which an address is looked up backwards. */
export function pointerName(address: string): string | undefined {
  if (isIPv4(address)) return `${address.split('.').toReversed().join('.')}.in-addr.arpa`;
  if (!isIPv6(address) || address.includes('.') || address.includes('%')) return undefined;
  const [front = '', back] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const missing = back === undefined ? [] : Array<string>(8 - groups(front).length - groups(back).length).fill('0');
  const nibbles = [...groups(front), ...missing, ...groups(back ?? '')].map((group) => group.padStart(4, '0')).join('');
  return `${nibbles.toLowerCase().split('').toReversed().join('.')}.ip6.arpa`;
}
