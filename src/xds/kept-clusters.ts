// Clusters that ADS has brought and that a proxy's class has no more, though its listeners lead there: on demand such a cluster is not
// called for, because the proxy has it, so it follows its service here, in the form in which it would be called for.

import type { ReadonlySignal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';
import { oweEndpointsOf, sendEndpoints } from './clusters.ts';
import { stateWithLeaving, type Outgoing } from './outgoing.ts';
import type { DiscoveryRequest } from './request.ts';
import { noDifference } from './view.ts';
import { readOr, type Watcher } from './watch.ts';

export class KeptClusters {
  readonly #outgoing: Outgoing;
  readonly #watcher: Watcher;
  readonly #cells = new Map<string, ReadonlySignal<Resource>>();
  /** What the proxy said that it has kept from an earlier stream, versions by name. */
  #brought: ReadonlyMap<string, string> = new Map();

  /** `watcher` is told when a cluster is another than it was. */
  constructor(outgoing: Outgoing, watcher: Watcher) {
    this.#outgoing = outgoing;
    this.#watcher = watcher;
  }

  /** The first request for clusters. */
  opened({ initial }: DiscoveryRequest): void {
    if (initial !== undefined) this.#brought = initial;
  }

  /** Sends those that are others than the proxy has. What no service has any more stays as it is until nothing leads there. */
  follow(configuration: Configuration, changedAt: number | undefined): void {
    const subscription = this.#outgoing.subscriptions.get('cluster');
    const { kept = none } = subscription ?? {};
    if (kept.size + this.#cells.size === 0) return;
    this.#watch(configuration, kept);
    if (subscription === undefined) return;
    const due: Resource[] = [];
    for (const [name, cell] of this.#cells) {
      const cluster = readOr(cell, undefined);
      const version = kept.get(name)?.version ?? this.#brought.get(name);
      if (cluster !== undefined && cluster.causes.length > 0 && cluster.version !== version) due.push(cluster);
    }
    if (due.length === 0) return;
    if (subscription.full) return void this.#outgoing.holdFull();
    for (const cluster of due) subscription.kept.set(cluster.name, cluster);
    oweEndpointsOf(this.#outgoing, due);
    const resources = this.#outgoing.protocol === 'delta' ? due : stateWithLeaving(subscription);
    if (this.#outgoing.send(subscription, { ...noDifference, resources }, changedAt, false))
      sendEndpoints(this.#outgoing, changedAt);
  }

  #watch(configuration: Configuration, kept: ReadonlyMap<string, unknown>): void {
    const { watches } = this.#outgoing.server;
    for (const [name, cell] of this.#cells) {
      if (kept.has(name) && configuration.called?.(name) === cell) continue;
      watches.remove(cell, this.#watcher);
      this.#cells.delete(name);
    }
    for (const name of kept.keys()) {
      const cell = this.#cells.has(name) ? undefined : configuration.called?.(name);
      if (cell === undefined) continue;
      this.#cells.set(name, cell);
      watches.add(cell, name, this.#watcher);
    }
  }

  close(): void {
    for (const cell of this.#cells.values()) this.#outgoing.server.watches.remove(cell, this.#watcher);
    this.#cells.clear();
  }
}

const none: ReadonlyMap<string, Resource | undefined> = new Map();
