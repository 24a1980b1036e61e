// Which filter chain of a listener takes a connection: Envoy's order of conditions, each of which decides before the next is looked
// at. There is no way back: a chain whose port is nearer wins over one that would match in all else.

import type { FilterChain, FilterChainMatch } from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { FilterChainMatch_ConnectionSourceType } from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { CidrRange } from '../../gen/envoy/config/core/v3/address_pb.js';
import { containsIp, parseIpRange } from '../lib/ip-range.ts';
import { listed } from './passage.ts';
import type { Address, Source } from './request.ts';

/** What chains can ask of a connection. */
export interface Arrival {
  readonly local: Address;
  readonly remote: Source;
  /** The other end of the connection itself, whatever a proxy before it says. */
  readonly peer: Source;
  readonly transport: string;
  readonly alpn: readonly string[];
  readonly sni: string;
}

export interface ChainChoice {
  readonly chain: FilterChain | undefined;
  /** Why none of the others: the condition that the last of them failed, in words. */
  readonly failed: string | undefined;
  /** The chains that had met all conditions before that one. */
  readonly nearest: readonly FilterChain[];
}

type Match = FilterChainMatch | undefined;

interface Condition {
  /** The chains that go on; those that ask most precisely. */
  readonly keep: (chains: readonly FilterChain[], arrival: Arrival) => readonly FilterChain[];
  /** What the connection is, and what the chains would take. */
  readonly failed: (chains: readonly FilterChain[], arrival: Arrival) => string;
}

/** The first of the forms for which some chain asks; `undefined` stands for chains that do not ask. */
function precise<Form>(
  chains: readonly FilterChain[],
  asks: (match: Match) => readonly Form[],
  forms: readonly Form[],
): readonly FilterChain[] {
  for (const form of forms) {
    const found = chains.filter(({ filterChainMatch }) => asks(filterChainMatch).includes(form));
    if (found.length > 0) return found;
  }
  return chains.filter(({ filterChainMatch }) => asks(filterChainMatch).length === 0);
}

const wanted = <Form>(chains: readonly FilterChain[], asks: (match: Match) => readonly Form[]): string =>
  listed([...new Set(chains.flatMap(({ filterChainMatch }) => asks(filterChainMatch)))].map(String), 'or');

const ports = (match: Match): readonly number[] => (match?.destinationPort === undefined ? [] : [match.destinationPort]);
const names = (match: Match): readonly string[] => match?.serverNames ?? [];
const transports = (match: Match): readonly string[] => (match?.transportProtocol ? [match.transportProtocol] : []);
const protocols = (match: Match): readonly string[] => match?.applicationProtocols ?? [];
const sourcePorts = (match: Match): readonly number[] => match?.sourcePorts ?? [];

const transportText = (transport: string): string =>
  transport === 'tls' ? 'TLS' : transport === 'raw_buffer' ? 'plain bytes' : transport;

function byAddress(ranges: (match: Match) => readonly CidrRange[], address: (arrival: Arrival) => string): Condition['keep'] {
  return (chains, arrival) => {
    let best = -1;
    let found: FilterChain[] = [];
    for (const chain of chains) {
      const asked = ranges(chain.filterChainMatch);
      // Not to ask is to ask for every address.
      const length = asked.length === 0 ? 0 : longest(asked, address(arrival));
      if (length > best) [best, found] = [length, []];
      if (length === best && length >= 0) found.push(chain);
    }
    return found;
  };
}

/** The length of the narrowest range that holds an address; -1: none does. */
function longest(ranges: readonly CidrRange[], address: string): number {
  const one = parseIpRange(address);
  if (one === undefined) return -1;
  return Math.max(
    -1,
    ...ranges.map((range) => {
      const parsed = parseIpRange(rangeText(range));
      return parsed !== undefined && containsIp(parsed, one) ? parsed.length : -1;
    }),
  );
}

const rangeText = ({ addressPrefix, prefixLen = 0 }: CidrRange): string => `${addressPrefix}/${prefixLen}`;

const rangesText = (chains: readonly FilterChain[], ranges: (match: Match) => readonly CidrRange[]): string =>
  listed([...new Set(chains.flatMap(({ filterChainMatch }) => ranges(filterChainMatch).map(rangeText)))], 'or');

/** `www.example.com`, then `*.example.com`, then `*.com`. */
function serverNameForms(sni: string): string[] {
  const forms = [sni];
  for (let dot = sni.indexOf('.', 1); dot > 0 && dot < sni.length - 1; dot = sni.indexOf('.', dot + 1)) {
    forms.push(`*${sni.slice(dot)}`);
  }
  return forms;
}

/** Whether a connection comes from where it goes to. */
export const isLocal = ({ remote, local }: Pick<Arrival, 'remote' | 'local'>): boolean =>
  remote.address === local.address || remote.address.startsWith('127.') || remote.address === '::1';

const destinations = (match: Match): readonly CidrRange[] => match?.prefixRanges ?? [];
const directSources = (match: Match): readonly CidrRange[] => match?.directSourcePrefixRanges ?? [];
const sources = (match: Match): readonly CidrRange[] => match?.sourcePrefixRanges ?? [];

const conditions: readonly Condition[] = [
  {
    keep: (chains, { local }) => precise(chains, ports, [local.port]),
    failed: (chains, { local }) => `its chains are for port ${wanted(chains, ports)}, not for ${local.port}`,
  },
  {
    keep: byAddress(destinations, ({ local }) => local.address),
    failed: (chains, { local }) => `its chains are for ${rangesText(chains, destinations)}, not for ${local.address}`,
  },
  {
    keep: (chains, { sni }) => precise(chains, (match) => names(match).map((name) => name.toLowerCase()), serverNameForms(sni)),
    failed: (chains, { sni }) =>
      `${sni === '' ? 'the connection names no server (SNI)' : `no chain is for the server name ${sni}`}; there are ${wanted(chains, names)}`,
  },
  {
    keep: (chains, { transport }) => precise(chains, transports, [transport]),
    failed: (chains, { transport }) =>
      `the connection is ${transportText(transport)}, and only ${listed([...new Set(chains.flatMap((chain) => transports(chain.filterChainMatch)))].map(transportText), 'or')} is taken here`,
  },
  {
    keep: (chains, { alpn }) => precise(chains, protocols, alpn),
    failed: (chains, { alpn, transport }) =>
      transport === 'tls'
        ? `the connection offers ${alpn.length === 0 ? 'no application protocol (ALPN)' : `the application protocols ${alpn.join(', ')}`}, and ${wanted(chains, protocols)} is asked for`
        : `the connection ${alpn.length === 0 ? 'is not recognised as HTTP' : `speaks ${alpn.join(', ')}`}, and ${wanted(chains, protocols)} is asked for`,
  },
  {
    keep: byAddress(directSources, ({ peer }) => peer.address),
    failed: (chains, { peer }) => `connections from ${rangesText(chains, directSources)} are taken, not from ${peer.address}`,
  },
  {
    keep: (chains, arrival) => precise(chains, sourceTypes, [isLocal(arrival) ? 'local' : 'external']),
    failed: (chains, arrival) =>
      `only ${wanted(chains, sourceTypes)} connections are taken, and this is ${isLocal(arrival) ? 'a local' : 'an external'} one`,
  },
  {
    keep: byAddress(sources, ({ remote }) => remote.address),
    failed: (chains, { remote }) => `callers in ${rangesText(chains, sources)} are taken, not ${remote.address}`,
  },
  {
    keep: (chains, { remote }) => precise(chains, sourcePorts, remote.port === undefined ? [] : [remote.port]),
    failed: (chains, { remote }) =>
      `the source port has to be ${wanted(chains, sourcePorts)}, and is ${remote.port ?? 'not known'}`,
  },
];

function sourceTypes(match: Match): readonly ('local' | 'external')[] {
  switch (match?.sourceType) {
    case FilterChainMatch_ConnectionSourceType.SAME_IP_OR_LOOPBACK:
      return ['local'];
    case FilterChainMatch_ConnectionSourceType.EXTERNAL:
      return ['external'];
    default:
      return [];
  }
}

/** The chain that takes a connection; without one, what stood in the way. A default chain is not among them. */
export function chooseChain(chains: readonly FilterChain[], arrival: Arrival): ChainChoice {
  let left = chains;
  for (const { keep, failed } of conditions) {
    const next = keep(left, arrival);
    if (next.length === 0)
      return { chain: undefined, failed: left.length === 0 ? 'it has no filter chains' : failed(left, arrival), nearest: left };
    left = next;
  }
  return { chain: left[0], failed: undefined, nearest: left };
}

/** What a chain asks of connections, in words: `port 9080, TLS, istio or istio-http/1.1`. */
export function chainWants({ filterChainMatch: match }: FilterChain): string {
  const words = [
    ...ports(match).map((port) => `port ${port}`),
    listed(destinations(match).map(rangeText), 'or'),
    listed([...names(match)], 'or'),
    ...transports(match).map(transportText),
    listed([...protocols(match)], 'or'),
    ...(directSources(match).length > 0 ? [`from ${listed(directSources(match).map(rangeText), 'or')}`] : []),
    ...sourceTypes(match),
    ...(sources(match).length > 0 ? [`from ${listed(sources(match).map(rangeText), 'or')}`] : []),
    ...sourcePorts(match).map((port) => `source port ${port}`),
  ].filter((word) => word !== '');
  return words.join(', ');
}
