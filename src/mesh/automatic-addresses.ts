// Addresses for external hosts that were given none: what callers dial is then theirs alone, so that two of them never share a
// port's listener. Made from the hosts' names, and nothing is kept (docs/adr/0005-automatic-addresses.md).

import type { Service } from './service.ts';

/** One host's addresses, in Istio's ranges: 240.240.0.0/16 and 2001:2::/48. */
export interface AutomaticAddress {
  readonly v4: string;
  readonly v6: string;
}

const enabled = 'networking.istio.io/enable-autoallocate-ip';

/**
 * Whether a service gets an address by itself: an external host without any that is a whole name, or a wildcard whose names are looked
 * up as they are called; not where the address that callers dial is where they are led.
 */
export const wantsAddress = ({ registry, resolution, host, addresses, labels }: Service): boolean =>
  registry === 'External' &&
  addresses.length === 0 &&
  resolution !== 'original' &&
  (resolution === 'dynamic' || !host.startsWith('*')) &&
  labels[enabled] !== 'false';

/** The last part of an address is 1 to 254: programs take the rest for networks and broadcasts. */
const lastParts = 254;
const places = 256 * lastParts;

/**
 * Addresses by host, for services in the order of their age: each takes the first free place from where its name's hash points. So a host
 * keeps its address whatever else comes or goes, unless an older one points to the same place. `given` addresses are nobody's.
 */
export function automaticAddresses(
  services: readonly Service[],
  given: ReadonlySet<string>,
): ReadonlyMap<string, AutomaticAddress> {
  const found = new Map<string, AutomaticAddress>();
  const taken = new Set<number>();
  for (const { host } of services.filter(wantsAddress)) {
    if (found.has(host)) continue;
    const first = hash(host) % places;
    for (let step = 0; step < places; step++) {
      const place = (first + step) % places;
      if (taken.has(place) || given.has(addressAt(place).v4)) continue;
      taken.add(place);
      found.set(host, addressAt(place));
      break;
    }
  }
  return found;
}

function addressAt(place: number): AutomaticAddress {
  const [high, low] = [Math.floor(place / lastParts), (place % lastParts) + 1];
  return { v4: `240.240.${high}.${low}`, v6: `2001:2::f0f0:${((high << 8) | low).toString(16)}` };
}

/** FNV-1a of 32 bits, mixed once more: names that differ in their last letter would else be neighbours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
