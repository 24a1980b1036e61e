// One proxy of the fleet: an ADS stream that asks and answers as an Envoy does, and counts instead of configuring itself; on demand
// others, for the clusters that it calls, and for the virtual hosts of each table that comes without them.

import { create, toBinary } from '@bufbuild/protobuf';
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import { DeltaDiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { connectGrpc, type ClientCall, type GrpcClient } from '../../src/lib/grpc/client.ts';
import type { GrpcAddress } from '../../src/lib/grpc/server.ts';
import { typeUrl } from '../../src/compile/resource.ts';
import { tableHeader } from '../../src/compile/demand/source.ts';
import { calledPath, deltaPath, hostsPath } from '../../src/xds/ads.ts';
import { readEndpointsName } from '../../src/xds/cluster.ts';
import { fieldSize, WireReader, WireWriter } from '../../src/xds/wire.ts';
import type { FleetProxy } from './fleet-protocol.ts';

const { cluster, endpoint, host, listener, route } = typeUrl;

export interface Counts {
  responses: number;
  bytes: number;
  removed: number;
  resources: Record<string, number>;
}

export class FleetClient {
  readonly #proxy: FleetProxy;
  readonly #counts: Counts;
  /** Versions by type URL and name. */
  #held = new Map<string, Map<string, string>>();
  readonly #asked = new Map<string, Set<string>>();
  #client: GrpcClient | undefined;
  #call: ClientCall | undefined;
  #demand: ClientCall | undefined;
  readonly #called = new Set<string>();
  /** Streams for the virtual hosts of tables, and whether each has had its first answer. */
  readonly #tables = new Map<string, { call: ClientCall | undefined; held: Map<string, string>; answered: boolean }>();
  #first = true;
  #closing = false;
  lastAck = 0;
  lost = false;

  constructor(proxy: FleetProxy, counts: Counts) {
    this.#proxy = proxy;
    this.#counts = counts;
  }

  get connected(): boolean {
    return this.#call !== undefined && !this.lost;
  }

  /** Whether everything that was asked for has come. */
  get complete(): boolean {
    if (!this.#held.get(cluster) || !this.#held.get(listener)) return false;
    for (const type of [endpoint, route]) {
      const held = this.#held.get(type);
      for (const name of this.#asked.get(type) ?? []) if (!held?.has(name)) return false;
    }
    for (const { answered } of this.#tables.values()) if (!answered) return false;
    return this.#called.size === (this.#proxy.calls?.length ?? 0);
  }

  async connect(address: GrpcAddress): Promise<void> {
    this.#client = await connectGrpc(address);
    this.#first = true;
    this.#closing = false;
    this.lost = false;
    this.#call = this.#client.stream(
      deltaPath,
      {},
      {
        message: (bytes) => this.#response(bytes),
        close: () => {
          this.lost = !this.#closing;
        },
      },
    );
    this.#callFor(this.#proxy.calls ?? []);
    const kept = this.#held;
    this.#ask(cluster, [], kept.get(cluster));
    // Envoy asks for everything at once when it comes back, and step by step when it is new.
    if (kept.size === 0) return;
    this.#ask(endpoint, [...(this.#asked.get(endpoint) ?? [])], kept.get(endpoint));
    this.#ask(listener, [], kept.get(listener));
    this.#ask(route, [...(this.#asked.get(route) ?? [])], kept.get(route));
    for (const table of this.#tables.keys()) this.#openTable(table);
    this.lastAck = now();
  }

  /** Asks for a table's virtual hosts, with what it has of them. */
  #openTable(table: string): void {
    const known = this.#tables.get(table) ?? { call: undefined, held: new Map<string, string>(), answered: false };
    this.#tables.set(table, known);
    known.call = this.#client?.stream(
      hostsPath,
      { [tableHeader]: table },
      {
        message: (bytes) => {
          const { entries, removed, nonce } = readResponse(bytes);
          this.#count(host, bytes.length, entries.length, removed.length);
          for (const { name, version } of entries.map(readEntry)) known.held.set(name, version);
          for (const name of removed) known.held.delete(name);
          known.answered = true;
          known.call?.send([acknowledgement(host, nonce)]);
          this.lastAck = now();
        },
        close: () => {},
      },
    );
    const initialResourceVersions = Object.fromEntries(known.held);
    const request = create(DeltaDiscoveryRequestSchema, { typeUrl: host, initialResourceVersions });
    request.node = this.#node();
    known.call?.send([toBinary(DeltaDiscoveryRequestSchema, request)]);
  }

  #count(type: string, bytes: number, resources: number, removed: number): void {
    const counts = this.#counts;
    counts.responses += 1;
    counts.bytes += bytes;
    const word = type.slice(type.lastIndexOf('.') + 1);
    counts.resources[word] = (counts.resources[word] ?? 0) + resources;
    counts.removed += removed;
  }

  /** Asks for clusters on the stream of their own; their endpoints come over ADS. */
  #callFor(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#demand = this.#client?.stream(calledPath, {}, { message: (bytes) => this.#answerCalled(bytes), close: () => {} });
    const request = create(DeltaDiscoveryRequestSchema, { typeUrl: cluster, resourceNamesSubscribe: [...names] });
    request.node = this.#node();
    this.#demand?.send([toBinary(DeltaDiscoveryRequestSchema, request)]);
  }

  #answerCalled(bytes: Buffer): void {
    const { entries, nonce } = readResponse(bytes);
    this.#counts.responses += 1;
    this.#counts.bytes += bytes.length;
    const names = entries.flatMap((entry) => {
      const { name, value } = readEntry(entry);
      this.#called.add(name);
      return endpointsName(name, value) ?? [];
    });
    this.#demand?.send([acknowledgement(cluster, nonce)]);
    this.#follow(endpoint, names, []);
  }

  #node() {
    return create(NodeSchema, { id: this.#proxy.nodeId, metadata: this.#proxy.metadata as Record<string, string> });
  }

  async disconnect(keep: boolean): Promise<void> {
    this.#closing = true;
    if (!keep) {
      this.#held = new Map();
      this.#asked.clear();
      this.#tables.clear();
      this.#called.clear();
    }
    this.#call = undefined;
    await this.#client?.[Symbol.asyncDispose]();
  }

  #ask(type: string, subscribe: string[], kept?: ReadonlyMap<string, string>, unsubscribe: string[] = []): void {
    const request = create(DeltaDiscoveryRequestSchema, {
      typeUrl: type,
      resourceNamesSubscribe: subscribe,
      resourceNamesUnsubscribe: unsubscribe,
      ...(kept && { initialResourceVersions: Object.fromEntries(kept) }),
    });
    if (this.#first) request.node = this.#node();
    this.#first = false;
    this.#call?.send([toBinary(DeltaDiscoveryRequestSchema, request)]);
  }

  #response(bytes: Buffer): void {
    const { entries, removed, type, nonce } = readResponse(bytes);
    this.#count(type, bytes.length, entries.length, removed.length);
    const isNew = !this.#held.has(type);
    const held = this.#held.get(type) ?? new Map<string, string>();
    this.#held.set(type, held);
    const names: string[] = [];
    for (const entry of entries) {
      const { name, version, value } = readEntry(entry);
      held.set(name, version);
      const wanted = type === cluster ? endpointsName(name, value) : undefined;
      if (wanted !== undefined) names.push(wanted);
      if (type === listener) names.push(...routeNames(value));
      if (type === route && !this.#tables.has(name) && fields(value, vhdsField).length > 0) this.#openTable(name);
    }
    for (const name of removed) held.delete(name);
    if (type === cluster) this.#follow(endpoint, names, removed);
    this.#ack(type, nonce);
    if (type === listener) this.#follow(route, names, []);
    if (type === endpoint && !this.#asked.has(listener)) this.#askListeners();
    // Without a single EDS cluster there is nothing to wait for before listeners.
    if (type === cluster && isNew && (this.#asked.get(endpoint)?.size ?? 0) === 0) this.#askListeners();
  }

  #askListeners(): void {
    if (this.#asked.has(listener)) return;
    this.#asked.set(listener, new Set());
    this.#ask(listener, []);
  }

  /** Asks for the names that are new, and lets go of those that went. */
  #follow(type: string, names: readonly string[], gone: readonly string[]): void {
    const asked = this.#asked.get(type) ?? new Set<string>();
    this.#asked.set(type, asked);
    const fresh = names.filter((name) => !asked.has(name));
    const dropped = gone.filter((name) => asked.delete(name));
    for (const name of fresh) asked.add(name);
    for (const name of dropped) this.#held.get(type)?.delete(name);
    if (fresh.length > 0 || dropped.length > 0) this.#ask(type, [...new Set(fresh)], undefined, dropped);
  }

  #ack(type: string, nonce: string): void {
    this.#call?.send([acknowledgement(type, nonce)]);
    this.lastAck = now();
  }
}

export const now = (): number => performance.timeOrigin + performance.now();

function acknowledgement(type: string, nonce: string): Buffer {
  const [typeSize, nonceSize] = [Buffer.byteLength(type), Buffer.byteLength(nonce)];
  return new WireWriter(fieldSize(typeSize) + fieldSize(nonceSize)).text(2, type, typeSize).text(6, nonce, nonceSize).buffer;
}

function readResponse(bytes: Buffer): { entries: Buffer[]; removed: string[]; type: string; nonce: string } {
  const reader = new WireReader(bytes);
  const entries: Buffer[] = [];
  const removed: string[] = [];
  let type = '';
  let nonce = '';
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x12) entries.push(reader.bytes());
    else if (tag === 0x22) type = reader.text();
    else if (tag === 0x2a) nonce = reader.text();
    else if (tag === 0x32) removed.push(reader.text());
    else reader.skip(tag);
  }
  return { entries, removed, type, nonce };
}

function readEntry(bytes: Buffer): { name: string; version: string; value: Buffer } {
  const reader = new WireReader(bytes);
  let name = '';
  let version = '';
  let value: Buffer = Buffer.alloc(0);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x1a) name = reader.text();
    else if (tag === 0x0a) version = reader.text();
    else if (tag === 0x12) value = anyValue(reader.bytes());
    else reader.skip(tag);
  }
  return { name, version, value };
}

function anyValue(bytes: Buffer): Buffer {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === 0x12) return reader.bytes();
    reader.skip(tag);
  }
  return Buffer.alloc(0);
}

function endpointsName(name: string, value: Buffer): string | undefined {
  const service = readEndpointsName(value);
  return service === '' ? name : service;
}

/** The route tables that a listener refers to. Its messages are few, so every client may decode the same one: they share the answer. */
const known = new Map<string, readonly string[]>();

function routeNames(value: Buffer): readonly string[] {
  const key = value.toString('latin1');
  let names = known.get(key);
  if (!names) {
    names = findRouteNames(value);
    known.set(key, names);
  }
  return names;
}

/** Of a RouteConfiguration: where its virtual hosts come from. */
const vhdsField = 9;

const managerType = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** Looks for connection managers in filter chains (fields 3 and 25 of a Listener), and in them for `rds` (3) and its name (2). */
function findRouteNames(bytes: Buffer): string[] {
  const names: string[] = [];
  for (const chain of [...fields(bytes, 3), ...fields(bytes, 25)]) {
    for (const filter of fields(chain, 3)) {
      for (const any of fields(filter, 4)) {
        if (fields(any, 1)[0]?.toString() !== managerType) continue;
        for (const manager of fields(any, 2)) {
          for (const rds of fields(manager, 3)) names.push(...fields(rds, 2).map(String));
        }
      }
    }
  }
  return names;
}

function fields(bytes: Buffer, field: number): Buffer[] {
  const reader = new WireReader(bytes);
  const found: Buffer[] = [];
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === ((field << 3) | 2)) found.push(reader.bytes());
    else reader.skip(tag);
  }
  return found;
}
