// What a name means to a caller: the address that it dials, as the mesh's name service says.

import { nearest } from '../../api/suggestion.ts';
import { isIpAddress } from '../../lib/ip-range.ts';
import type { NameTable } from '../../node/dns/name-table.ts';

export interface ResolvedName {
  /** The address that is dialled; undefined: nobody has the name, so nothing is dialled. */
  readonly address: string | undefined;
  /** How it came to that, in clauses. */
  readonly text: string;
  readonly details: readonly string[];
  /** The address is not known, and this one stands for it. */
  readonly standsIn?: boolean;
}

/** Stands for an address that only the network's own DNS knows; from the range for documents. */
const elsewhere = '203.0.113.1';

export function resolveName(names: NameTable, host: string, namespace: string, known: () => Iterable<string>): ResolvedName {
  if (isIpAddress(host)) return { address: host, text: `${host} is an address`, details: [] };
  let name = host;
  for (let hops = 0; hops < 8; hops++) {
    const answer = names.lookup(name, namespace);
    const called = name === host ? host : `${host}, which is ${name},`;
    switch (answer.found) {
      case 'alias':
        name = answer.target;
        continue;
      case 'addresses': {
        const [address, ...others] = [...answer.ipv4, ...answer.ipv6];
        if (address === undefined)
          return { address: undefined, text: `${called} is ${answer.host}, and has no address now`, details: [] };
        const details = others.length === 0 ? [] : [`and ${others.length} more addresses`];
        return { address, text: `${called} is ${answer.host === name ? '' : `${answer.host}, `}at ${address}`, details };
      }
      case 'nothing': {
        const guess = nearest(name, known());
        const details = guess === undefined ? [] : [`did you mean ${guess}?`];
        if (answer.ours) return { address: undefined, text: `no service is called ${name}: the name does not resolve`, details };
        return {
          address: elsewhere,
          text: `${name === host ? '' : `${host} is ${name}, and `}the mesh has no host ${name}: the network’s own DNS says where it is, if anybody has the name`,
          details,
          standsIn: true,
        };
      }
      default:
        return { address: undefined, text: `${called} has no address of its own`, details: [] };
    }
  }
  return { address: undefined, text: `${host} is an alias of an alias without end`, details: [] };
}
