// Ranges of addresses in trees of matchers, whichever of two messages says them.

import { containsIp, parseIpRange } from '../../lib/ip-range.ts';

export interface AddressRange {
  readonly addressPrefix: string;
  readonly prefixLen?: number | undefined;
}

export const addressRangeText = ({ addressPrefix, prefixLen = 0 }: AddressRange): string => `${addressPrefix}/${prefixLen}`;

/** The length of a range that holds an address; -1: it does not. */
export function rangeLength(range: AddressRange, address: string | undefined): number {
  const [outer, inner] = [parseIpRange(addressRangeText(range)), address === undefined ? undefined : parseIpRange(address)];
  return outer !== undefined && inner !== undefined && containsIp(outer, inner) ? outer.length : -1;
}
