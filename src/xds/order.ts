// Make before break: which of a stream's responses may go now, and how long the others wait for which answers.

import type { ResourceType } from '../compile/resource.ts';
import type { Subscription } from './subscription.ts';

export type Subscriptions = ReadonlyMap<ResourceType, Subscription>;

/**
 * How long until listeners and routes may go (0 is now): clusters and endpoints that they may need have been sent, and the
 * proxy has not answered yet. An Envoy withholds that answer while clusters warm. A NACK is an answer; a stuck cluster
 * delays routes by `patienceMs` and no more. Streams that never asked for clusters have nothing to wait for.
 */
export function waitForClusters(subscriptions: Subscriptions, now: number, patienceMs: number): number {
  return Math.max(
    waitFor(subscriptions.get('cluster'), now, patienceMs, true),
    waitFor(subscriptions.get('endpoint'), now, patienceMs, true),
  );
}

/** What leads to clusters, and so waits for them: in the order in which it is sent. */
export const dependents = ['listener', 'route', 'head', 'host'] as const;

/** Whether something that leads to clusters is to be sent. */
export const hasDependents = (subscriptions: Subscriptions): boolean =>
  dependents.some((type) => subscriptions.get(type)?.pending);

/**
 * How long until what is gone may be removed, as far as resources of these `types` may hold on to it; undefined while some of them are
 * still to be sent, or cannot be computed and so stay as they were.
 */
export function waitForRemovals(
  subscriptions: Subscriptions,
  types: readonly ResourceType[],
  now: number,
  patienceMs: number,
): number | undefined {
  const each = types.map((type) => subscriptions.get(type));
  if (each.some((subscription) => subscription?.pending || subscription?.view.failure() !== undefined)) return undefined;
  return Math.max(...each.map((subscription) => waitFor(subscription, now, patienceMs, false)));
}

/** After a stream opened, removals wait this long for the proxy to ask for what holds on to what is gone. */
export const settlingMs = 500;

/**
 * Whether what the proxy runs leads to a cluster still: its listeners or routes name it, or the proxy refused one of them and runs
 * an older one, of which nobody knows where it leads.
 */
export function isUsed(subscriptions: Subscriptions, cluster: string): boolean {
  return dependents.some((type) => {
    const subscription = subscriptions.get(type);
    if (subscription === undefined) return false;
    const { view, isolation } = subscription;
    return isolation?.trying === true || subscription.rejections().length > 0 || view.mentions(cluster);
  });
}

function waitFor(subscription: Subscription | undefined, now: number, patienceMs: number, gatingOnly: boolean): number {
  let wait = 0;
  for (const { gating, sentAt } of subscription?.unanswered ?? []) {
    if (gating || !gatingOnly) wait = Math.max(wait, sentAt + patienceMs - now);
  }
  return wait;
}
