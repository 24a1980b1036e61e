// IP addresses and CIDR ranges as numbers, for asking whether one is within the other.

export interface IpRange {
  readonly version: 4 | 6;
  /** The first address. */
  readonly first: bigint;
  /** How many leading bits all its addresses share. */
  readonly length: number;
}

/** An address (a range of one) or `address/length`; undefined for anything else. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', given, ...more] = text.split('/');
  const version = address.includes(':') ? 6 : 4;
  const value = version === 6 ? ipv6(address) : ipv4(address);
  const bits = version === 6 ? 128 : 32;
  const length = given === undefined ? bits : /^\d{1,3}$/.test(given) ? Number(given) : -1;
  if (value === undefined || more.length > 0 || length < 0 || length > bits) return undefined;
  const rest = BigInt(bits - length);
  return { version, first: (value >> rest) << rest, length };
}

export const isIpAddress = (text: string): boolean => !text.includes('/') && parseIpRange(text) !== undefined;

/** Whether all of `inner` is in `outer`. */
export function containsIp(outer: IpRange, inner: IpRange): boolean {
  if (outer.version !== inner.version || outer.length > inner.length) return false;
  const rest = BigInt((outer.version === 6 ? 128 : 32) - outer.length);
  return outer.first >> rest === inner.first >> rest;
}

function ipv4(text: string): bigint | undefined {
  const bytes = text.split('.');
  if (bytes.length !== 4 || !bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255)) return undefined;
  return bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
}

function ipv6(text: string): bigint | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...front, ...Array<bigint>(missing).fill(0n), ...back].reduce((sum, group) => (sum << 16n) + group, 0n);
}

/** Groups of 16 bits; the last two may be written as an IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const dotted = index === parts.length - 1 ? ipv4(part) : undefined;
    if (dotted !== undefined) groups.push(dotted >> 16n, dotted & 0xffffn);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}
