// Who has what: every stream's proxy, what it was sent, what it answered. Read by `status`, `wait`, the debug API, dashboards.

import type { ProxyNode } from '../compile/configuration.ts';
import type { ResourceType } from '../compile/resource.ts';
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
  readonly protocol: Protocol;
  readonly peer: string;
  /** Milliseconds on the server's clock. */
  readonly connectedSince: number;
  readonly types: readonly TypeDistribution[];
  /** Whether the proxy runs everything there is for it: nothing to send, nothing unanswered, nothing refused. */
  readonly settled: boolean;
}

/** What a stream offers to the table; it is asked when the table is read, so keeping it costs nothing. */
export interface Distributed {
  readonly stream: number;
  distribution(): ProxyDistribution;
  /** The version of each resource of a type that the proxy has acknowledged. */
  acknowledged(type: ResourceType): ReadonlyMap<string, string>;
}

export class DistributionTable {
  readonly #streams = new Map<number, Distributed>();

  add(stream: Distributed): void {
    this.#streams.set(stream.stream, stream);
  }

  remove(stream: Distributed): void {
    this.#streams.delete(stream.stream);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** One entry per stream, oldest first. */
  list(): ProxyDistribution[] {
    return [...this.#streams.values()].map((stream) => stream.distribution());
  }

  /** The entries of one proxy, by node id; more than one while it reconnects. */
  of(nodeId: string): ProxyDistribution[] {
    return this.list().filter(({ node }) => node.id === nodeId);
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
