// Neighbouring virtual hosts joined once for all tables that hold them: tables of a thousand hosts differ between namespaces in a
// few, and everything between those few is the same bytes.

import { identityOf } from '../identity.ts';
import type { VirtualHostPiece } from './virtual-host.ts';
import { rememberedWeakly } from './weak-memory.ts';

/** Tag of RouteConfiguration.virtual_hosts: field 2, length-delimited. */
const virtualHostsTag = 0x12;

/** A run ends after a host whose number divides by this, so that equal neighbourhoods in different tables are equal runs. */
const usualLength = 8;
const longest = 32;

/** The hosts as fields of a route configuration, in order, in buffers that are shared as long as somebody holds them. */
export function joinedRuns(hosts: readonly VirtualHostPiece[]): Buffer[] {
  const runs: Buffer[] = [];
  let run: VirtualHostPiece[] = [];
  for (const host of hosts) {
    run.push(host);
    if (identityOf(host) % usualLength !== 0 && run.length < longest) continue;
    runs.push(joined(run));
    run = [];
  }
  if (run.length > 0) runs.push(joined(run));
  return runs;
}

const remembered = rememberedWeakly((run: readonly VirtualHostPiece[]): Buffer =>
  Buffer.concat(run.flatMap((host) => [prefix(host.bytes.length), host.bytes])),
);

const joined = (run: readonly VirtualHostPiece[]): Buffer => remembered(run.map(identityOf).join(), run);

/** The virtual-host tag and a varint length. */
function prefix(length: number): Uint8Array {
  const bytes = [virtualHostsTag];
  let rest = length;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
