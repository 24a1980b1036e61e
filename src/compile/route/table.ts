// Route tables put together from encoded virtual hosts: bytes are shared between tables, never encoded again.

import { create, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Init } from '../../filters/any.ts';
import { versionOf, type Cause, type Resource } from '../resource.ts';
import { joinedRuns } from './runs.ts';
import type { VirtualHostPiece } from './virtual-host.ts';

interface TableParts {
  /** The table without its hosts, encoded. */
  readonly head: Uint8Array;
  readonly hosts: readonly VirtualHostPiece[];
}

/** A table that holds its hosts by reference; its bytes are runs of hosts that other tables hold too. */
class Table implements Resource {
  readonly name: string;
  readonly version: string;
  readonly #head: Uint8Array;
  readonly #hosts: readonly VirtualHostPiece[];
  #parts: readonly Uint8Array[] | undefined;

  constructor(name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[]) {
    this.name = name;
    this.#head = head;
    this.#hosts = hosts;
    this.version = versionOf(Buffer.from(`${versionOf(head)}${hosts.map((host) => host.version).join('')}`));
  }

  /** What it was made from. */
  get made(): TableParts {
    return { head: this.#head, hosts: this.#hosts };
  }

  get parts(): readonly Uint8Array[] {
    this.#parts ??= [this.#head, ...joinedRuns(this.#hosts)];
    return this.#parts;
  }

  /** Joined anew at each reading: for those who look, not for those who send. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.parts);
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
  return tableOf(name, toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name, ...settings })), hosts);
}

/** A table of an encoded head and these hosts. */
export const tableOf = (name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[]): Resource =>
  new Table(name, head, hosts);

/** What a table was made from; undefined for another resource. */
export const tableParts = (resource: Resource): TableParts | undefined => (resource instanceof Table ? resource.made : undefined);
