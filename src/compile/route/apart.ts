// A route table for proxies that take virtual hosts one by one: its head is a table that holds what every request matches, and each
// other virtual host is a resource by itself, so that a changed rule sends its own host and not the table (ADR 8).

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { RouteMatchSchema, VirtualHostSchema, type RouteSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { hostSource } from '../demand/source.ts';
import { noRouteName } from '../names.ts';
import { versionOf, type Resource } from '../resource.ts';
import { anyRequest } from './match.ts';
import { tableOf, tableParts } from './table.ts';
import type { VirtualHostPiece } from './virtual-host.ts';

/** A large table as it is sent. */
export class TableApart {
  /** A table under the same name, with word of where the other hosts come from. */
  readonly head: Resource;
  /** The head's settings, encoded, that it was made from. */
  readonly from: Uint8Array;
  readonly pieces: readonly VirtualHostPiece[];
  /** The resource's name of each piece: the table's, a slash, and one of its own without any; empty for what is in the head. */
  readonly names: readonly string[];
  #hosts: ReadonlyMap<string, Resource> | undefined;

  constructor(head: Resource, from: Uint8Array, pieces: readonly VirtualHostPiece[], names: readonly string[]) {
    this.head = head;
    this.from = from;
    this.pieces = pieces;
    this.names = names;
  }

  /** The host at a place; undefined where that is in the head. */
  at(place: number): Resource | undefined {
    const [piece, name] = [this.pieces[place], this.names[place]];
    return piece && name ? hostResource(name, piece) : undefined;
  }

  /** The hosts by their names. */
  get hosts(): ReadonlyMap<string, Resource> {
    this.#hosts ??= new Map(this.pieces.flatMap((_piece, place) => this.at(place) ?? []).map((host) => [host.name, host]));
    return this.#hosts;
  }
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

/**
 * A table in its parts, made once; undefined for what is no table, or cannot be sent so. `before` is the same table as it was: where
 * only hosts have changed, nothing else is looked at.
 */
export function tableApart(table: Resource, before?: TableApart): TableApart | undefined {
  if (!known.has(table)) known.set(table, (before && changed(table, before)) ?? taken(table));
  return known.get(table);
}

function changed(table: Resource, before: TableApart): TableApart | undefined {
  const parts = tableParts(table);
  if (table.name !== before.head.name || parts?.hosts.length !== before.pieces.length) return undefined;
  if (Buffer.compare(parts.head, before.from) !== 0) return undefined;
  for (let place = 0; place < parts.hosts.length; place += 1) {
    const piece = parts.hosts[place];
    const old = before.pieces[place];
    if (piece === old) continue;
    if (piece?.name !== old?.name || before.names[place] === '' || (piece && isForAll(piece))) return undefined;
  }
  return new TableApart(before.head, parts.head, parts.hosts, before.names);
}

function taken(table: Resource): TableApart | undefined {
  const { name } = table;
  const parts = tableParts(table);
  // Envoy tells by what stands before the slash to which table a host belongs.
  if (parts === undefined || name.includes('/') || fromBinary(RouteConfigurationSchema, parts.head).vhds) return undefined;
  const used = new Set<string>();
  const names = parts.hosts.map((piece) => {
    if (isForAll(piece)) return '';
    const own = `${name}/${piece.name.replaceAll('/', '_')}`;
    let free = own;
    // Only a patch brings a second host of one name.
    for (let count = 2; used.has(free); count += 1) free = `${own}~${count}`;
    used.add(free);
    return free;
  });
  return new TableApart(headOf(name, parts.head, parts.hosts.filter(isForAll), headMark), parts.head, parts.hosts, names);
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
  name: noRouteName,
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

const made = new WeakMap<VirtualHostPiece, Map<string, Resource>>();

/** Tables of one name share the resources of the hosts that they share. */
function hostResource(name: string, piece: VirtualHostPiece): Resource {
  let byName = made.get(piece);
  if (byName === undefined) made.set(piece, (byName = new Map()));
  let host = byName.get(name);
  if (host === undefined) byName.set(name, (host = new Host(name, piece)));
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
