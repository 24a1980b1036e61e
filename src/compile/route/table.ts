// Route tables put together from encoded virtual hosts: bytes are joined when they are sent, never encoded again.

import { create, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Init } from '../../filters/any.ts';
import { versionOf, type Cause, type Resource } from '../resource.ts';
import type { VirtualHostPiece } from './virtual-host.ts';

/** Tag of RouteConfiguration.virtual_hosts: field 2, length-delimited. */
const virtualHostsTag = 0x12;

/**
 * A table that holds its hosts by reference. Tables of a thousand hosts differ between namespaces in a few of them, so the joined
 * bytes of each would cost what sharing saves.
 */
class Table implements Resource {
  readonly name: string;
  readonly version: string;
  readonly #head: Uint8Array;
  readonly #hosts: readonly VirtualHostPiece[];

  constructor(name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[]) {
    this.name = name;
    this.#head = head;
    this.#hosts = hosts;
    this.version = versionOf(Buffer.from(`${versionOf(head)}${hosts.map((host) => host.version).join('')}`));
  }

  /** Joined anew at each reading. */
  get bytes(): Uint8Array {
    const parts: Uint8Array[] = [this.#head];
    for (const { bytes } of this.#hosts) parts.push(prefix(bytes.length), bytes);
    return Buffer.concat(parts);
  }

  get causes(): readonly Cause[] {
    return this.#hosts.flatMap(({ causes }) => causes);
  }
}

/** A table of these hosts, in this order. */
export function routeTable(
  name: string,
  settings: Omit<Init<typeof RouteConfigurationSchema>, 'name' | 'virtualHosts'>,
  hosts: readonly VirtualHostPiece[],
): Resource {
  return new Table(name, toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name, ...settings })), hosts);
}

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
