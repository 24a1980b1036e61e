// The rules of the stream for clusters on demand: none is ever taken away, and what is gone waits for the routes that led there.

import type { Resource } from '../compile/resource.ts';
import { endpointsNameOf } from './cluster.ts';
import type { Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import type { DiscoveryRequest } from './request.ts';
import { noDifference } from './view.ts';

export class CalledClusters {
  readonly #outgoing: Outgoing;
  /** The proxy's other streams. */
  readonly #peers: () => readonly Peer[];
  /** Names under which the proxy was given the cluster of a service, here or, as far as it says, on an earlier stream. */
  readonly #given = new Set<string>();
  /** Endpoints of clusters that the proxy took while no other stream could bring them. */
  readonly #unrepeated = new Set<string>();

  constructor(outgoing: Outgoing, peers: () => readonly Peer[]) {
    this.#outgoing = outgoing;
    this.#peers = peers;
  }

  /** The first request: what the proxy has kept. */
  opened({ initial }: DiscoveryRequest): void {
    for (const name of initial?.keys() ?? []) this.#given.add(name);
  }

  /** A proxy that calls for more than it may keeps what it has, and its stream; only the names beyond are not answered. */
  withinBounds(request: DiscoveryRequest, node: string): DiscoveryRequest {
    const { server } = this.#outgoing;
    const room = server.mostCalled - (this.#outgoing.subscriptions.get('called')?.view.names?.size ?? 0);
    const { subscribe, initial = new Map<string, string>() } = request;
    if (subscribe.length <= room && initial.size <= room) return request;
    server.log.warn({ node, most: server.mostCalled }, 'a proxy calls for too many clusters');
    const first = <Item>(list: Iterable<Item>) => [...list].slice(0, Math.max(room, 0));
    return { ...request, subscribe: first(subscribe), ...(request.initial && { initial: new Map(first(initial)) }) };
  }

  /**
   * A proxy does not ask twice for what was taken away. Where it has a cluster's endpoints, it waits for them all the same when the
   * cluster changes: they follow the answer, on the other stream. False when the socket is full now.
   */
  send(changedAt: number | undefined): boolean {
    const outgoing = this.#outgoing;
    const subscription = outgoing.subscriptions.get('called');
    if (!subscription?.pending) return true;
    if (subscription.full) return outgoing.holdFull();
    const taken = subscription.take().resources;
    // What is gone stays until no route of the proxy leads there.
    const gone = taken.filter(({ name, causes }) => causes.length === 0 && this.#given.has(name));
    const wait = gone.length === 0 ? 0 : this.#untilUnused();
    if (wait > 0) {
      for (const { name } of gone) subscription.owe(name, 'something');
      outgoing.hold(Math.min(wait, lookAgainMs), changedAt);
    }
    const resources = wait > 0 ? taken.filter((cluster) => !gone.includes(cluster)) : taken;
    if (resources.length === 0) return outgoing.sendTrial(subscription, changedAt, false);
    const behind = this.#endpointsBehind(resources);
    for (const { name, causes } of resources) {
      if (causes.length > 0) this.#given.add(name);
      else this.#given.delete(name);
    }
    const more = behind.length > 0 ? { behind } : {};
    const sent = outgoing.send(subscription, { ...noDifference, resources }, changedAt, false, more);
    return sent && outgoing.sendTrial(subscription, changedAt, false);
  }

  /** Clusters were answered that endpoints must follow: another stream sends them once more, now or as soon as there is one. */
  answered(behind: readonly string[]): void {
    const repeating = this.#peers().filter((peer) => peer.repeatEndpoints(behind));
    if (repeating.length === 0) for (const name of behind) this.#unrepeated.add(name);
  }

  /** The endpoints that are still to be sent once more; they are told once. */
  takeUnrepeated(): Iterable<string> {
    const names = [...this.#unrepeated];
    this.#unrepeated.clear();
    return names;
  }

  /** A proxy that comes back on this stream first may run routes that lead to what went meanwhile. */
  #untilUnused(): number {
    const { openedAt, server } = this.#outgoing;
    const waits = this.#peers().flatMap((peer) => peer.untilUnused() ?? []);
    return waits.length > 0 ? Math.max(...waits) : Math.max(0, openedAt + server.patienceMs - server.clock.now());
  }

  /** Which endpoints of clusters the proxy has already; all, where it has been given clusters before and has not said it yet. */
  #endpointsBehind(clusters: readonly Resource[]): readonly string[] {
    const names = clusters.flatMap((cluster) => endpointsNameOf(cluster) ?? []);
    const held = this.#peers().flatMap((peer) => {
      const found = peer.endpointsHeld(names);
      return found === undefined ? [] : [found];
    });
    if (held.length > 0) return [...new Set(held.flat())];
    return this.#given.size > 0 ? names : [];
  }
}

/** How long clusters that are gone wait before it is looked again whether routes lead there. */
const lookAgainMs = 200;
