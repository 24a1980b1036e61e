// Route tables put together from encoded virtual hosts: bytes are shared between tables, never encoded again.

import { create, toBinary } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { Init } from '../../filters/any.ts';
import { settle } from '../encode.ts';
import { versionOf, type Cause, type Resource } from '../resource.ts';
import { joinedRuns } from './runs.ts';
import type { VirtualHostPiece } from './virtual-host.ts';
import { rememberedWeakly } from './weak-memory.ts';

interface TableParts {
  /** The table without its hosts, encoded. */
  readonly head: Uint8Array;
  readonly hosts: readonly VirtualHostPiece[];
}

/** A table that holds its hosts by reference; its bytes are runs of hosts that other tables hold too. */
class Table implements Resource {
  readonly name: string;
  readonly #head: Uint8Array;
  readonly #hosts: readonly VirtualHostPiece[];
  #parts: readonly Uint8Array[] | undefined;
  #version: string | undefined;

  constructor(name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[]) {
    this.name = name;
    this.#head = head;
    this.#hosts = hosts;
  }

  /** Made when it is asked for: who is sent hosts one by one needs none. */
  get version(): string {
    this.#version ??= versionOf(Buffer.from(`${versionOf(this.#head)}${this.#hosts.map(({ version }) => version).join('')}`));
    return this.#version;
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

type Settings = Omit<Init<typeof RouteConfigurationSchema>, 'name' | 'virtualHosts'>;

const heads = rememberedWeakly((name: string, settings: Settings): Uint8Array =>
  toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name, ...settings })),
);

/** A table of these hosts, in this order. */
export function routeTable(name: string, settings: Settings, hosts: readonly VirtualHostPiece[]): Resource {
  const text = `${name} ${JSON.stringify(settings)}`;
  return tableOf(name, heads(text, name, settings), hosts);
}

/** A table of an encoded head and these hosts. */
export const tableOf = (name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[]): Resource =>
  new Table(name, head, hosts);

/** The earlier of two tables when they are made of the same: identity says "unchanged". */
export function settleTable(before: Resource | undefined, after: Resource | undefined): Resource | undefined {
  const [then, now] = [before && tableParts(before), after && tableParts(after)];
  if (then === undefined || now === undefined || before?.name !== after?.name) return settle(before, after);
  const same =
    then.hosts.length === now.hosts.length &&
    then.hosts.every((host, place) => host === now.hosts[place] || host.version === now.hosts[place]?.version) &&
    Buffer.compare(then.head, now.head) === 0;
  return same ? before : after;
}

/** What a table was made from; undefined for another resource. */
export const tableParts = (resource: Resource): TableParts | undefined => (resource instanceof Table ? resource.made : undefined);
