// Listener filters that look into a connection's first bytes, on the ports where some chain asks what they would find: a server
// that speaks first waits for them in vain.

import { httpInspector, tlsInspector, type FilterChain, type ListenerFilter } from './chain.ts';

type Predicate = NonNullable<ListenerFilter['filterDisabled']>;

/** The inspectors that these chains need, each where it is needed. Chains without a port stand for all ports that have none. */
export function inspectors(chains: readonly FilterChain[]): ListenerFilter[] {
  return [
    ...inspector(tlsInspector, chains, ({ filterChainMatch }) => filterChainMatch?.transportProtocol === 'tls'),
    // After TLS: what is TLS is not looked into again.
    ...inspector(httpInspector, chains, ({ filterChainMatch }) =>
      (filterChainMatch?.applicationProtocols ?? []).includes('http/1.1'),
    ),
  ];
}

function inspector(
  filter: ListenerFilter,
  chains: readonly FilterChain[],
  asks: (chain: FilterChain) => boolean,
): ListenerFilter[] {
  const byPort = Map.groupBy(chains, ({ filterChainMatch }) => filterChainMatch?.destinationPort);
  const asking = (list: readonly FilterChain[] | undefined) => list?.some(asks) ?? false;
  const elsewhere = asking(byPort.get(undefined));
  const different = [...byPort]
    .flatMap(([port, list]) => (port !== undefined && asking(list) !== elsewhere ? [port] : []))
    .sort((a, b) => a - b);
  if (different.length === 0) return elsewhere ? [filter] : [];
  const ports = portsPredicate(different);
  return [{ ...filter, filterDisabled: elsewhere ? ports : { rule: { case: 'notMatch', value: ports } } }];
}

function portsPredicate(ports: readonly number[]): Predicate {
  const rules = ports.map((port) => ({ rule: { case: 'destinationPortRange' as const, value: { start: port, end: port + 1 } } }));
  const [only] = rules;
  return rules.length === 1 && only !== undefined ? only : { rule: { case: 'orMatch', value: { rules } } };
}
