// The rules of a stream for one table's virtual hosts: the first answer is never empty, and what a proxy refuses of it leaves no gap.

import { closedHost } from '../compile/route/apart.ts';
import type { Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import type { Subscription } from './subscription.ts';
import { noDifference } from './view.ts';

/** The virtual hosts that are due; false when the socket is full now. */
export function sendHosts(outgoing: Outgoing, peers: () => readonly Peer[], changedAt: number | undefined): boolean {
  const subscription = outgoing.subscriptions.get('host');
  if (!subscription?.pending || subscription.full) return outgoing.sendType('host', changedAt, false);
  const { table } = subscription.view;
  if (subscription.gaping) {
    // Their requests would go where no rule sends them.
    subscription.closing = true;
    const resources = peers().some((peer) => peer.bridges(table)) ? [] : inDoubt(subscription).map(closedHost);
    const closers = { ...noDifference, resources };
    if (resources.length > 0 && !outgoing.send(subscription, closers, changedAt, false, { closing: true })) return false;
  }
  // That a table has no virtual hosts Envoy takes only as the removal of one (envoy-vhds.md).
  if (subscription.greet && ![...subscription.view.all()].length) {
    subscription.take();
    return outgoing.send(subscription, { ...noDifference, removed: new Map([[`${table}/-`, undefined]]) }, changedAt, false);
  }
  return outgoing.sendType('host', changedAt, false);
}

const inDoubt = ({ isolation, view }: Subscription) =>
  [...(isolation?.doubted ?? []), ...(isolation?.refused ?? []).map(({ name }) => name)].flatMap((name) => view.get(name) ?? []);
