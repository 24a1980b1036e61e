// An address range as rules need it: its family and its text, checked. Used by the capture options and the rule builders.

import { isIP } from 'node:net';

export type Family = 4 | 6;

export interface Cidr {
  readonly family: Family;
  /** `10.0.0.0/8`, `fd00::/8`; a host is `/32` or `/128`. */
  readonly text: string;
}

/** Reads `ADDRESS/LENGTH`, or a bare address as a host; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  // A zone (`fe80::1%eth0`) is an address to Node, and noise to a rule.
  if ((family !== 4 && family !== 6) || rest.length > 0 || address.includes('%')) return undefined;
  const most = family === 4 ? 32 : 128;
  if (length === undefined) return { family, text: `${address}/${most}` };
  return /^\d{1,3}$/.test(length) && Number(length) <= most ? { family, text: `${address}/${Number(length)}` } : undefined;
}

/** Whether a range lies in the loopback range of its family. */
export function isLoopback({ family, text }: Cidr): boolean {
  return family === 4 ? text.startsWith('127.') : text.startsWith('::1/');
}
