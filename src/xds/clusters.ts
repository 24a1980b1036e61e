// Clusters on ADS: they come first, with the endpoints that Envoy does not ask for again right behind them, and go last.

import type { Resource } from '../compile/resource.ts';
import { endpointsNameOf } from './cluster.ts';
import { dependents, isUsed, settlingMs, waitForRemovals } from './order.ts';
import { stateWithLeaving, type Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import { noDifference, nothing } from './view.ts';

/** Clusters that appeared or changed; false when the socket is full now. */
export function sendClusters(outgoing: Outgoing, changedAt: number | undefined): boolean {
  const subscription = outgoing.subscriptions.get('cluster');
  if (!subscription?.pending) return true;
  if (subscription.full) return outgoing.holdFull();
  const { resources, removed } = subscription.take();
  for (const [name, held] of removed) subscription.leave(name, held);
  for (const { name } of resources) subscription.stays(name);
  if (resources.length === 0 && !subscription.greet) return outgoing.sendTrial(subscription, changedAt, true);
  oweEndpointsOf(outgoing, resources);
  const state = outgoing.protocol === 'delta' ? resources : stateWithLeaving(subscription);
  return (
    outgoing.send(subscription, { ...noDifference, resources: state }, changedAt, true) &&
    outgoing.sendTrial(subscription, changedAt, true)
  );
}

/**
 * A cluster that comes waits for its endpoints, also where the proxy has them already: it does not ask for these again, and what
 * needs the cluster waits for them.
 */
export const oweEndpointsOf = (outgoing: Outgoing, clusters: readonly Resource[]): void =>
  oweEndpoints(
    outgoing,
    clusters.flatMap((cluster) => endpointsNameOf(cluster) ?? []),
  );

/** The same, by the names of endpoints. */
export function oweEndpoints({ subscriptions }: Outgoing, names: Iterable<string>): void {
  const endpoints = subscriptions.get('endpoint');
  if (endpoints === undefined || endpoints.sent === nothing) return;
  for (const name of names) {
    if (!endpoints.view.names?.has(name)) continue;
    endpoints.owe(name, 'nothing');
    endpoints.gating = true;
  }
}

/** The endpoints that are due. */
export function sendEndpoints(outgoing: Outgoing, changedAt: number | undefined): boolean {
  const subscription = outgoing.subscriptions.get('endpoint');
  if (!outgoing.sendType('endpoint', changedAt, subscription?.gating ?? false)) return false;
  if (subscription !== undefined) subscription.gating = false;
  return true;
}

/** Removes the clusters that are gone and that nothing leads to any more. */
export function sendRemovals(outgoing: Outgoing, peers: () => readonly Peer[], changedAt: number | undefined): void {
  const { subscriptions } = outgoing;
  const subscription = subscriptions.get('cluster');
  if (!subscription) return;
  const others = subscription.kept.size + subscription.leaving.size > 0 ? peers() : [];
  const tables = others.filter(({ table }) => table !== '');
  const used = (name: string) => isUsed(subscriptions, name) || tables.some((peer) => peer.leadsTo(name));
  for (const [name, held] of subscription.kept) if (!used(name)) subscription.leave(name, held);
  if (subscription.leaving.size === 0) return;
  const wait = Math.max(untilUnused(outgoing), ...tables.map((peer) => peer.untilUnused() ?? 0));
  if (wait > 0) return outgoing.hold(wait, changedAt);
  if (subscription.full) return void outgoing.holdFull();
  const removed = new Map<string, Resource | undefined>();
  for (const [name, held] of subscription.leaving) {
    if (subscription.view.get(name)) continue;
    const callers = others.filter((peer) => peer.hasCalled(name));
    for (const peer of callers) peer.repeatCalled([name]);
    if (callers.length > 0) continue;
    if (used(name)) subscription.kept.set(name, held);
    else removed.set(name, held);
  }
  subscription.leaving.clear();
  if (removed.size === 0) return;
  // SotW says it by the state that lacks them.
  const difference =
    outgoing.protocol === 'delta' ? { ...noDifference, removed } : { ...noDifference, resources: stateWithLeaving(subscription) };
  outgoing.send(subscription, difference, changedAt, false);
}

/** Milliseconds until nothing that the proxy runs refers any more to clusters that are gone, as far as is known now. */
export function untilUnused({ subscriptions, server, openedAt }: Outgoing): number {
  const { clock, patienceMs } = server;
  const now = clock.now();
  // A proxy that comes back asks for clusters first and for the listeners that hold on to old ones a moment later.
  const settling = openedAt + settlingMs - now;
  const wait = waitForRemovals(subscriptions, dependents, now, patienceMs);
  // Listeners that are still to go lead where they led.
  const listening = (subscriptions.get('listener')?.leaving.size ?? 0) > 0;
  return wait === undefined || listening ? patienceMs : Math.max(0, wait, settling);
}
