// Clusters that ADS has brought and that a proxy's class has no more, though its listeners lead there: on demand such a cluster is not
// called for, because the proxy has it, so it follows its service here, in the form in which it would be called for.

import type { ReadonlySignal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';
import { oweEndpointsOf, sendEndpoints } from './clusters.ts';
import { stateWithLeaving, type Outgoing } from './outgoing.ts';
import { noDifference } from './view.ts';
import { readOr, type Watcher } from './watch.ts';

interface Followed {
  readonly cell: ReadonlySignal<Resource>;
  /** The form in which it would be called for, when the proxy had its own last: a mere difference of forms ends no connection. */
  version: string | undefined;
}

export class KeptClusters {
  readonly #outgoing: Outgoing;
  readonly #watcher: Watcher;
  readonly #followed = new Map<string, Followed>();

  /** `watcher` is told when a cluster is another than it was. */
  constructor(outgoing: Outgoing, watcher: Watcher) {
    this.#outgoing = outgoing;
    this.#watcher = watcher;
  }

  /** Sends those that are others than the proxy has. What no service has any more stays as it is until nothing leads there. */
  follow(configuration: Configuration, changedAt: number | undefined): void {
    const subscription = this.#outgoing.subscriptions.get('cluster');
    const { kept = none, leaving = none } = subscription ?? {};
    if (kept.size + leaving.size + this.#followed.size === 0) return;
    // What is about to leave may have to stay, and what happens to its service until then counts.
    this.#watch(configuration, new Set([...kept.keys(), ...leaving.keys()]));
    if (subscription === undefined || kept.size === 0) return;
    const due: Resource[] = [];
    for (const [name, followed] of this.#followed) {
      const cluster = kept.has(name) ? readOr(followed.cell, undefined) : undefined;
      if (cluster === undefined || cluster.causes.length === 0 || cluster.version === followed.version) continue;
      due.push(cluster);
    }
    if (due.length === 0) return;
    if (subscription.full) return void this.#outgoing.holdFull();
    for (const cluster of due) {
      subscription.kept.set(cluster.name, cluster);
      const followed = this.#followed.get(cluster.name);
      if (followed !== undefined) followed.version = cluster.version;
    }
    oweEndpointsOf(this.#outgoing, due);
    const resources = this.#outgoing.protocol === 'delta' ? due : stateWithLeaving(subscription);
    if (this.#outgoing.send(subscription, { ...noDifference, resources }, changedAt, false))
      sendEndpoints(this.#outgoing, changedAt);
  }

  #watch(configuration: Configuration, names: ReadonlySet<string>): void {
    const { watches } = this.#outgoing.server;
    for (const [name, { cell }] of this.#followed) {
      if (names.has(name)) continue;
      watches.remove(cell, this.#watcher);
      this.#followed.delete(name);
    }
    for (const name of names) {
      const cell = configuration.called?.(name);
      const known = this.#followed.get(name);
      if (cell === undefined || cell === known?.cell) continue;
      watches.add(cell, name, this.#watcher);
      if (known !== undefined) watches.remove(known.cell, this.#watcher);
      // The proxy's class may be another: what it had of the cluster is as before.
      this.#followed.set(name, { cell, version: known?.version ?? readOr(cell, undefined)?.version });
    }
  }

  close(): void {
    for (const { cell } of this.#followed.values()) this.#outgoing.server.watches.remove(cell, this.#watcher);
    this.#followed.clear();
  }
}

const none: ReadonlyMap<string, Resource | undefined> = new Map();
