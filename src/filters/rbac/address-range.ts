// An IP address or CIDR range as policies write it → Envoy's range. Checked here, because Envoy refuses a whole listener for one
// address that it cannot read.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CidrRangeSchema } from '../../../gen/envoy/config/core/v3/address_pb.js';
import { unusable, type Unusable } from './unusable.ts';

export function addressRange(value: string): MessageInitShape<typeof CidrRangeSchema> | Unusable {
  const [address = '', length, ...rest] = value.split('/');
  const bits = isIpv4(address) ? 32 : isIpv6(address) ? 128 : undefined;
  const prefixLen = length === undefined ? bits : /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) : undefined;
  if (bits === undefined || prefixLen === undefined || prefixLen > bits || rest.length > 0) {
    return unusable('is not an IP address or range', 'write an address such as 10.1.2.3, or a range such as 10.1.0.0/16');
  }
  return { addressPrefix: address, prefixLen };
}

const isIpv4 = (text: string): boolean => {
  const bytes = text.split('.');
  return bytes.length === 4 && bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255);
};

function isIpv6(text: string): boolean {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return false;
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const all = [...groups(head), ...groups(tail ?? '')];
  const last = all.at(-1) ?? '';
  // The last 32 bits may be written as an IPv4 address, unless `::` ends the text.
  const dotted = tail !== '' && isIpv4(last);
  const plain = dotted ? all.slice(0, -1) : all;
  const count = plain.length + (dotted ? 2 : 0);
  return plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (tail === undefined ? count === 8 : count < 8);
}
