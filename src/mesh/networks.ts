// Which network an address is on, as MeshNetworks says it.

import type { MeshNetworks } from '../api/mesh-networks.ts';
import { compareText } from '../lib/order.ts';
import { containsIp, parseIpRange } from '../lib/ip-range.ts';

/**
 * The network of a cluster's address: the one that takes the whole cluster (`fromRegistry`), else the one whose CIDR holds the
 * address; empty where none does. Of several CIDRs the widest counts, of several networks the first by name, as in Istio.
 */
export function addressNetworks(networks: MeshNetworks, cluster: string): (address: string) => string {
  const named = Object.entries(networks).sort(([a], [b]) => compareText(a, b));
  const whole = named.find(([, { endpoints }]) => endpoints?.some(({ fromRegistry }) => fromRegistry === cluster));
  if (whole !== undefined) return () => whole[0];
  const ranges = named
    .flatMap(([name, { endpoints }]) => (endpoints ?? []).map(({ fromCidr }) => ({ name, range: parseIpRange(fromCidr ?? '') })))
    .flatMap(({ name, range }) => (range === undefined ? [] : [{ name, range }]))
    .sort((a, b) => a.range.length - b.range.length);
  return (address) => {
    const single = ranges.length === 0 ? undefined : parseIpRange(address);
    return (single && ranges.find(({ range }) => containsIp(range, single))?.name) ?? '';
  };
}
