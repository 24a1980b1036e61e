// The rules of the stream for clusters on demand: none is ever taken away, and what is gone waits for the routes that led there.

import { endpointsNameOf } from './cluster.ts';
import type { Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import type { DiscoveryRequest } from './request.ts';
import { noDifference } from './view.ts';

export class CalledClusters {
  readonly #outgoing: Outgoing;
  /** Names under which the proxy was given the cluster of a service. */
  readonly #given = new Set<string>();

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** A proxy that calls for more than it may keeps what it has, and its stream; only the names beyond are not answered. */
  withinBounds(request: DiscoveryRequest, node: string): DiscoveryRequest {
    const { server } = this.#outgoing;
    const room = server.mostCalled - (this.#outgoing.subscriptions.get('called')?.view.names?.size ?? 0);
    if (request.subscribe.length <= room) return request;
    server.log.warn({ node, most: server.mostCalled }, 'a proxy calls for too many clusters');
    return { ...request, subscribe: request.subscribe.slice(0, Math.max(room, 0)) };
  }

  /**
   * A proxy does not ask twice for what was taken away. Where it has a cluster's endpoints, it waits for them all the same when the
   * cluster changes: they follow the answer, on the other stream. False when the socket is full now.
   */
  send(peers: () => readonly Peer[], changedAt: number | undefined): boolean {
    const outgoing = this.#outgoing;
    const subscription = outgoing.subscriptions.get('called');
    if (!subscription?.pending) return true;
    if (subscription.full) return outgoing.holdFull();
    const taken = subscription.take().resources;
    // What is gone stays until no route of the proxy leads there.
    const gone = taken.filter(({ name, causes }) => causes.length === 0 && this.#given.has(name));
    const wait = gone.length === 0 ? 0 : Math.max(0, ...peers().map((peer) => peer.untilUnused()));
    if (wait > 0) {
      for (const { name } of gone) subscription.owe(name, 'something');
      outgoing.hold(Math.min(wait, lookAgainMs), changedAt);
    }
    const resources = wait > 0 ? taken.filter((cluster) => !gone.includes(cluster)) : taken;
    if (resources.length === 0) return outgoing.sendTrial(subscription, changedAt, false);
    for (const { name, causes } of resources) {
      if (causes.length > 0) this.#given.add(name);
      else this.#given.delete(name);
    }
    const names = resources.flatMap((cluster) => endpointsNameOf(cluster) ?? []);
    const behind = new Set(peers().flatMap((peer) => peer.endpointsHeld(names)));
    const sent = outgoing.send(subscription, { ...noDifference, resources }, changedAt, false, [...behind]);
    return sent && outgoing.sendTrial(subscription, changedAt, false);
  }
}

/** How long clusters that are gone wait before it is looked again whether routes lead there. */
const lookAgainMs = 200;
