// Listeners on ADS: what comes is sent first, and what goes is taken away when what comes accepts connections. Envoy applies the removals
// of a response before the rest of it, and whoever dialled in between would go where undeclared connections go.

import type { Resource } from '../compile/resource.ts';
import { placesOf } from './listener.ts';
import { settlingMs, waitForRemovals } from './order.ts';
import { stateWithLeaving, type Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import type { Subscription } from './subscription.ts';
import { noDifference } from './view.ts';

type Gone = ReadonlyMap<string, Resource | undefined>;

/** Listeners that appeared or changed, without those that go, but for what is in their way; false when the socket is full now. */
export function sendListeners(outgoing: Outgoing, changedAt: number | undefined): boolean {
  const subscription = outgoing.subscriptions.get('listener');
  if (!subscription?.pending) return true;
  if (subscription.full) return outgoing.holdFull();
  const { resources, removed: gone } = subscription.take();
  for (const [name, held] of gone) subscription.leave(name, held);
  for (const { name } of resources) subscription.stays(name);
  const removed = inTheWay(subscription, resources);
  const sent =
    resources.length + removed.size === 0 && !subscription.greet
      ? true
      : send(outgoing, subscription, { resources, removed }, changedAt);
  return sent && outgoing.sendTrial(subscription, changedAt, false);
}

/** Removes the listeners that are gone, when those that came listen; whether none waits to be removed any more. */
export function sendListenerRemovals(outgoing: Outgoing, peers: () => readonly Peer[], changedAt: number | undefined): boolean {
  const subscription = outgoing.subscriptions.get('listener');
  if (subscription === undefined || subscription.leaving.size + subscription.kept.size === 0) return true;
  const lacking = refusedPorts(subscription);
  const held = ([name, before]: readonly [string, Resource | undefined]) =>
    portsOf(name, before).some((port) => lacking.has(port));
  for (const each of subscription.kept) if (!held(each)) subscription.leave(...each);
  // The proxy has nothing else at a port at which it refused what was to come.
  for (const each of subscription.leaving) if (held(each)) subscription.keep(...each);
  if (subscription.leaving.size === 0) return true;
  const wait = untilListening(outgoing, peers);
  if (wait > 0) outgoing.hold(wait, changedAt);
  else if (subscription.full) outgoing.holdFull();
  else {
    const removed = new Map(subscription.leaving);
    subscription.leaving.clear();
    return send(outgoing, subscription, { resources: [], removed }, changedAt);
  }
  return false;
}

/** SotW says what goes by the state that lacks it. */
const send = (
  outgoing: Outgoing,
  subscription: Subscription,
  difference: { readonly resources: readonly Resource[]; readonly removed: Gone },
  changedAt: number | undefined,
): boolean => {
  const whole = () => ({ ...noDifference, resources: stateWithLeaving(subscription) });
  return outgoing.send(subscription, outgoing.protocol === 'delta' ? difference : whole(), changedAt, false);
};

/** Takes what is gone and has an address that something else is to have out of what leaves: Envoy lets no two listeners have one. */
function inTheWay(subscription: Subscription, coming: readonly Resource[]): Gone {
  const taken = new Set(coming.flatMap((listener) => placesOf(listener).map(({ address }) => address)));
  const removed = new Map<string, Resource | undefined>();
  if (taken.size === 0) return removed;
  for (const gone of [subscription.leaving, subscription.kept]) {
    for (const [name, held] of gone) {
      // Of what a proxy that came back holds only the name is known: one that tells its address is nobody else's.
      const free = held === undefined ? addressed.test(name) : !placesOf(held).some(({ address }) => taken.has(address));
      if (!free) removed.set(name, held);
    }
  }
  for (const name of removed.keys()) subscription.stays(name);
  return removed;
}

const addressed = /_\d+$/;

const portsOf = (name: string, listener: Resource | undefined): readonly (number | undefined)[] =>
  listener === undefined ? [Number(addressed.exec(name)?.[0].slice(1))] : placesOf(listener).map(({ port }) => port);

/** Where the proxy would listen if it had not refused to. */
const refusedPorts = (subscription: Subscription): ReadonlySet<number | undefined> =>
  new Set(
    subscription.rejections().flatMap(({ name }) => {
      const listener = subscription.view.get(name);
      return listener === undefined ? [] : placesOf(listener).map(({ port }) => port);
    }),
  );

/** What a listener waits for before it accepts connections, and itself. */
const needed = ['listener', 'secret', 'route', 'head'] as const;

/**
 * Milliseconds until the listeners that came accept connections, as far as is known now. An Envoy acknowledges a listener before it
 * does: a new one waits for its secrets, its route tables and their virtual hosts. It has asked for those when it acknowledges.
 */
function untilListening({ subscriptions, server, openedAt }: Outgoing, peers: () => readonly Peer[]): number {
  const { clock, patienceMs } = server;
  const now = clock.now();
  const wait = waitForRemovals(subscriptions, needed, now, patienceMs) ?? patienceMs;
  const heads = subscriptions.get('head');
  const tables = [...(heads?.view.names ?? [])];
  const others = tables.length === 0 ? [] : peers();
  const arrived = (table: string) => others.some((peer) => peer.table === table && peer.hostsArrived());
  const hosts = tables.every(arrived) ? 0 : (heads?.lastPushAt ?? 0) + patienceMs - now;
  // A proxy that comes back says what it has of its listeners a moment before what it lacks for them.
  return Math.max(0, wait, hosts, openedAt + settlingMs - now);
}
