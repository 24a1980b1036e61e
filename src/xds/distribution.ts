// Who has what: every stream's proxy, what it was sent, what it answered. Read by `status`, `wait`, the debug API, dashboards.

import type { ObjectRef } from '../api/object.ts';
import type { ProxyNode } from '../compile/configuration.ts';
import type { Resource, ResourceType } from '../compile/resource.ts';
import type { ObjectState } from './object-state.ts';
import type { Rejection } from './rejection.ts';
import type { Protocol } from './response.ts';

export interface TypeDistribution {
  readonly type: ResourceType;
  /** Resources there are for this proxy under what it asked for. */
  readonly resources: number;
  /** `acknowledged`: the proxy has answered everything there is; `sent`: an answer is due; `pending`: more is to be sent. */
  readonly state: 'acknowledged' | 'sent' | 'pending';
  /** Why some of it cannot be computed now (then it is `pending`): the proxy keeps what it has, which may be nothing. */
  readonly problem?: string;
  /** A digest of names and versions: proxies with equal digests were sent the same. */
  readonly version: string;
  /** What the proxy refused and runs in an older version, or not at all. */
  readonly rejected: readonly Rejection[];
  readonly pushes: number;
  readonly bytes: number;
  readonly nacks: number;
  readonly lastPushAt?: number;
  readonly lastAnswerAt?: number;
}

export interface ProxyDistribution {
  /** Of the stream; unique while this process lives. */
  readonly stream: number;
  readonly node: ProxyNode;
  readonly identity?: string;
  /** The configuration's id: its proxy class. */
  readonly class: string;
  /** Whether it is sent clusters only when it calls them. */
  readonly onDemand: boolean;
  readonly protocol: Protocol;
  readonly peer: string;
  /** Milliseconds on the server's clock. */
  readonly connectedSince: number;
  readonly types: readonly TypeDistribution[];
  /** Whether the proxy runs everything there is for it: nothing to send, nothing unanswered, nothing refused. */
  readonly settled: boolean;
}

/** A resource that a proxy refused as it is now, and its words. */
export interface Refusal {
  readonly type: ResourceType;
  readonly resource: Resource;
  readonly message: string;
}

/** What a stream offers to the table; it is asked when the table is read, so keeping it costs nothing. */
export interface Distributed {
  readonly stream: number;
  readonly node: ProxyNode;
  /** `called` and `hosts`: clusters on demand and virtual hosts, beside the same proxy's ADS stream. */
  readonly purpose: 'ads' | 'called' | 'hosts';
  distribution(): ProxyDistribution;
  /** How far each of these objects (by `refKey`) has come; those that the proxy does not need are left out. */
  objects(keys: Iterable<string>): ReadonlyMap<string, ObjectState>;
  /** The objects of which the proxy lacks something, by `refKey`. */
  lacking(): ReadonlyMap<string, ObjectRef>;
  refusals(): readonly Refusal[];
  /** The version of each resource of a type that the proxy has acknowledged. */
  acknowledged(type: ResourceType): ReadonlyMap<string, string>;
}

const ranks: readonly TypeDistribution['state'][] = ['acknowledged', 'sent', 'pending'];

/** Each type once: heads count among the tables, and the hosts of all tables together. */
function joinedTypes(types: readonly TypeDistribution[]): readonly TypeDistribution[] {
  const joined = new Map<ResourceType, TypeDistribution>();
  for (const each of types) {
    const type = each.type === 'head' ? 'route' : each.type;
    const before = joined.get(type);
    joined.set(type, before === undefined ? { ...each, type } : joinedType(before, each));
  }
  return [...joined.values()];
}

function joinedType(one: TypeDistribution, other: TypeDistribution): TypeDistribution {
  const latest = (a = -Infinity, b = -Infinity) => Math.max(a, b);
  const [lastPushAt, lastAnswerAt] = [latest(one.lastPushAt, other.lastPushAt), latest(one.lastAnswerAt, other.lastAnswerAt)];
  const problem = one.problem ?? other.problem;
  return {
    type: one.type,
    resources: one.resources + other.resources,
    state: ranks[Math.max(ranks.indexOf(one.state), ranks.indexOf(other.state))] ?? 'pending',
    ...(problem !== undefined && { problem }),
    version: `${one.version}+${other.version}`,
    rejected: [...one.rejected, ...other.rejected],
    pushes: one.pushes + other.pushes,
    bytes: one.bytes + other.bytes,
    nacks: one.nacks + other.nacks,
    ...(lastPushAt > 0 && { lastPushAt }),
    ...(lastAnswerAt > 0 && { lastAnswerAt }),
  };
}

/** Proxies that went and are remembered, at most: they run what they had, and come back. */
const mostDeparted = 1_000;

/** A proxy that went. */
export interface Departed {
  readonly node: ProxyNode;
  /** The clusters that it had called, by name. */
  readonly called: readonly string[];
}

export class DistributionTable {
  readonly #streams = new Map<number, Distributed>();
  readonly #departed = new Map<string, Departed>();

  add(stream: Distributed): void {
    this.#streams.set(stream.stream, stream);
    this.#departed.delete(stream.node.id);
  }

  remove(stream: Distributed): void {
    this.#streams.delete(stream.stream);
    const { node, purpose } = stream;
    const called = purpose === 'called' ? [...stream.acknowledged('called').keys()] : this.#departed.get(node.id)?.called;
    this.#departed.set(node.id, { node, called: called ?? [] });
    for (const oldest of this.#departed.keys()) {
      if (this.#departed.size <= mostDeparted) break;
      this.#departed.delete(oldest);
    }
  }

  /** Proxies that were connected and are not, the latest last; those whose workloads ended among them. */
  departed(): readonly Departed[] {
    const connected = new Set([...this.#streams.values()].map(({ node }) => node.id));
    return [...this.#departed.values()].filter(({ node }) => !connected.has(node.id));
  }

  /** What every connected proxy has of these objects (by `refKey`), and which proxies need none of one are not in its list. */
  objects(keys: readonly string[]): ReadonlyMap<string, readonly (ObjectState & { readonly node: ProxyNode })[]> {
    const found = new Map<string, (ObjectState & { readonly node: ProxyNode })[]>(keys.map((key) => [key, []]));
    for (const stream of this.#streams.values()) {
      for (const [key, state] of stream.objects(keys)) found.get(key)?.push({ ...state, node: stream.node });
    }
    return found;
  }

  /** The objects of which some connected proxy lacks something. */
  lacking(): readonly ObjectRef[] {
    const found = new Map<string, ObjectRef>();
    for (const stream of this.#streams.values()) for (const [key, ref] of stream.lacking()) found.set(key, ref);
    return [...found.values()];
  }

  /** The clusters that a proxy has called for on demand and has; `name` is `pod.namespace`. */
  called(name: string): readonly string[] {
    return [...this.#streams.values()].flatMap((stream) =>
      stream.purpose === 'called' && stream.node.name === name ? [...stream.acknowledged('called').keys()] : [],
    );
  }

  get size(): number {
    return this.#streams.size;
  }

  /** One entry per ADS stream, oldest first; what the proxy has on streams beside it is part of its latest. */
  list(): ProxyDistribution[] {
    const entries: ProxyDistribution[] = [];
    const latest = new Map<string, number>();
    const streams = [...this.#streams.values()];
    for (const stream of streams.filter(({ purpose }) => purpose === 'ads')) {
      latest.set(stream.node.id, entries.push(stream.distribution()) - 1);
    }
    for (const stream of streams.filter(({ purpose }) => purpose !== 'ads')) {
      const index = latest.get(stream.node.id);
      const entry = index === undefined ? undefined : entries[index];
      const more = stream.distribution();
      if (index === undefined || entry === undefined) entries.push(more);
      else entries[index] = { ...entry, types: [...entry.types, ...more.types], settled: entry.settled && more.settled };
    }
    return entries.map((entry) => ({ ...entry, types: joinedTypes(entry.types) }));
  }

  /** The entries of one proxy, by node id; more than one while it reconnects. */
  of(nodeId: string): ProxyDistribution[] {
    return this.list().filter(({ node }) => node.id === nodeId);
  }

  /** What proxies refuse now; the same resource, refused by many in the same words, once. */
  refusals(): readonly Refusal[] {
    const found = new Map<Resource, Refusal>();
    for (const stream of this.#streams.values())
      for (const refusal of stream.refusals()) if (!found.has(refusal.resource)) found.set(refusal.resource, refusal);
    return [...found.values()];
  }

  /** The resources of a type that a stream's proxy has acknowledged, versions by name; undefined for a stream that is gone. */
  acknowledged(stream: number, type: ResourceType): ReadonlyMap<string, string> | undefined {
    return this.#streams.get(stream)?.acknowledged(type);
  }

  /** Whether every connected proxy runs everything there is for it. */
  get settled(): boolean {
    return this.list().every(({ settled }) => settled);
  }
}
