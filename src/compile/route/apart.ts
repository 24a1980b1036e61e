// A route table for proxies that take virtual hosts one by one: its head is a table that holds what every request matches, and each
// other virtual host is a resource by itself, so that a changed rule sends its own host and not the table (ADR 8).

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { RouteMatchSchema, VirtualHostSchema, type RouteSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { hostSource } from '../demand/source.ts';
import { versionOf, type Resource } from '../resource.ts';
import { anyRequest } from './match.ts';
import { tableOf, tableParts } from './table.ts';
import type { VirtualHostPiece } from './virtual-host.ts';

export interface TableApart {
  /** A table under the same name, with word of where the other hosts come from. */
  readonly head: Resource;
  /** The others, by their names: the table's, a slash, and one of their own without any. */
  readonly hosts: ReadonlyMap<string, Resource>;
}

/** Virtual hosts from which on a table is sent apart: below, a whole table costs little, and a stream of its own more (ADR 8). */
const largeTable = 100;

/** Stands before the version of a head, or of what goes before one, so that a proxy that comes back says what it has of a table. */
const headMark = 'apart.';
export const bridgeMark = 'bridge.';

export type TableForm = 'whole' | 'bridge' | 'apart';

export const formOfVersion = (version: string): TableForm =>
  version.startsWith(headMark) ? 'apart' : version.startsWith(bridgeMark) ? 'bridge' : 'whole';

/** Whether a table is so large that its hosts had better travel by themselves. */
export const isLarge = (table: Resource): boolean => (tableParts(table)?.hosts.length ?? 0) >= largeTable;

const known = new WeakMap<Resource, TableApart | undefined>();

/** A table in its parts, made once; undefined for what is no table, or cannot be sent so. */
export function tableApart(table: Resource): TableApart | undefined {
  if (!known.has(table)) known.set(table, taken(table));
  return known.get(table);
}

function taken(table: Resource): TableApart | undefined {
  const { name } = table;
  const parts = tableParts(table);
  // Envoy tells by what stands before the slash to which table a host belongs.
  if (parts === undefined || name.includes('/')) return undefined;
  const hosts = new Map<string, Resource>();
  const inline: VirtualHostPiece[] = [];
  for (const piece of parts.hosts) {
    let host = hostResource(name, piece, '');
    if (host === undefined) inline.push(piece);
    for (let count = 2; host !== undefined && hosts.has(host.name); count += 1) host = hostResource(name, piece, `~${count}`);
    if (host !== undefined) hosts.set(host.name, host);
  }
  const head = headAsBefore(name, parts.head, inline);
  return head && { head, hosts };
}

interface HeadMade {
  readonly from: Uint8Array;
  readonly inline: readonly VirtualHostPiece[];
  readonly head: Resource | undefined;
}

const latestHeads = new Map<string, HeadMade>();

/** Heads change rarely: the latest of a name serves as long as it is made from the same. */
function headAsBefore(name: string, from: Uint8Array, inline: readonly VirtualHostPiece[]): Resource | undefined {
  const latest = latestHeads.get(name);
  const same = latest?.inline.length === inline.length && latest.inline.every((piece, index) => piece === inline[index]);
  if (same && Buffer.compare(latest.from, from) === 0) return latest.head;
  const comes = fromBinary(RouteConfigurationSchema, from).vhds !== undefined;
  const head = comes ? undefined : headOf(name, from, inline, headMark);
  latestHeads.set(name, { from, inline, head });
  return head;
}

/** A host that takes what no other does stays in the head, so that it never goes without the others. */
export const isForAll = ({ domains }: VirtualHostPiece): boolean => domains.includes('*');

/** A table of these hosts that takes others one by one. */
export function headOf(name: string, head: Uint8Array, hosts: readonly VirtualHostPiece[], mark: string): Resource {
  const source = toBinary(
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, { vhds: { configSource: hostSource(name) } }),
  );
  const closed = hosts.map((piece) => ({ ...piece, bytes: Buffer.concat([piece.bytes, ...closingOf(piece)]) }));
  const table = tableOf(name, Buffer.concat([head, source]), closed);
  return { name, version: `${mark}${table.version}`, bytes: table.bytes, causes: table.causes };
}

/** No route is not an answer here: the filter that waits for clusters would ask for a virtual host, and wait for it without end. */
export const noRoute: MessageInitShape<typeof RouteSchema> = {
  name: 'no_route',
  match: anyRequest,
  action: { case: 'directResponse', value: { status: 404 } },
};

const noRoutes = [toBinary(VirtualHostSchema, create(VirtualHostSchema, { routes: [noRoute] }))];
const everything = toBinary(RouteMatchSchema, create(RouteMatchSchema, anyRequest));

/** The last route of a host whose own do not take every request. */
function closingOf({ bytes }: VirtualHostPiece): readonly Uint8Array[] {
  const { routes, matcher } = fromBinary(VirtualHostSchema, bytes);
  const takesAll = routes.some(({ match }) => match && Buffer.compare(toBinary(RouteMatchSchema, match), everything) === 0);
  return takesAll || matcher !== undefined ? [] : noRoutes;
}

const made = new WeakMap<VirtualHostPiece, Map<string, Resource> | 'for all'>();

/** Tables of one name share the resources of the hosts that they share. Only a patch brings a second host of one name. */
function hostResource(table: string, piece: VirtualHostPiece, more: string): Resource | undefined {
  let byTable = made.get(piece);
  if (byTable === undefined) made.set(piece, (byTable = isForAll(piece) ? 'for all' : new Map()));
  if (byTable === 'for all') return undefined;
  const key = table + more;
  let host = byTable.get(key);
  if (host === undefined) byTable.set(key, (host = new Host(`${table}/${piece.name.replaceAll('/', '_')}${more}`, piece)));
  return host;
}

/** A virtual host under its resource's name, without which it could never be taken away again (envoy-vhds.md). */
class Host implements Resource {
  readonly name: string;
  readonly version: string;
  readonly parts: readonly Uint8Array[];
  readonly causes: Resource['causes'];

  constructor(name: string, piece: VirtualHostPiece) {
    this.name = name;
    this.version = piece.version;
    // Of a field that stands twice in a message the last counts, of a list all.
    this.parts = [piece.bytes, toBinary(VirtualHostSchema, create(VirtualHostSchema, { name })), ...closingOf(piece)];
    this.causes = piece.causes;
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}

/** In the place of a virtual host that is refused before the proxy had it: its requests have no route, rather than another's. */
export function closedHost({ name, bytes, causes }: Resource): Resource {
  const { domains } = fromBinary(VirtualHostSchema, bytes);
  const closed = toBinary(VirtualHostSchema, create(VirtualHostSchema, { name, domains, routes: [noRoute] }));
  return { name, version: versionOf(closed), bytes: closed, causes };
}
