// Clusters that ADS has brought and that a proxy's class has no more, though its listeners lead there: on demand such a cluster is not
// called for, because the proxy has it, so it follows its service here, in the form in which it would be called for.

import type { ReadonlySignal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';
import { oweEndpointsOf, sendEndpoints } from './clusters.ts';
import { stateWithLeaving, type Outgoing } from './outgoing.ts';
import { noDifference } from './view.ts';
import { readOr, type Watcher } from './watch.ts';

export class KeptClusters {
  readonly #outgoing: Outgoing;
  readonly #watcher: Watcher;
  readonly #cells = new Map<string, ReadonlySignal<Resource>>();

  /** `watcher` is told when a cluster is another than it was. */
  constructor(outgoing: Outgoing, watcher: Watcher) {
    this.#outgoing = outgoing;
    this.#watcher = watcher;
  }

  /** Sends those that are others than the proxy has. What no service has any more stays as it is until nothing leads there. */
  follow(configuration: Configuration, changedAt: number | undefined): void {
    const subscription = this.#outgoing.subscriptions.get('cluster');
    const { kept = new Map<string, Resource | undefined>() } = subscription ?? {};
    this.#watch(configuration, kept);
    if (subscription === undefined || kept.size === 0) return;
    const due: Resource[] = [];
    for (const [name, held] of kept) {
      const cell = this.#cells.get(name);
      const cluster = cell && readOr(cell, undefined);
      if (cluster !== undefined && cluster.causes.length > 0 && cluster.version !== held?.version) due.push(cluster);
    }
    if (due.length === 0) return;
    if (subscription.full) return void this.#outgoing.holdFull();
    for (const cluster of due) kept.set(cluster.name, cluster);
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
      if (this.#cells.has(name)) continue;
      const cell = configuration.called?.(name);
      if (cell === undefined) return;
      this.#cells.set(name, cell);
      watches.add(cell, name, this.#watcher);
    }
  }

  close(): void {
    for (const cell of this.#cells.values()) this.#outgoing.server.watches.remove(cell, this.#watcher);
    this.#cells.clear();
  }
}
