// What the distribution table says of one subscription, worked out when somebody asks.

import type { TypeDistribution } from './distribution.ts';
import { unsentOf, type Subscription } from './subscription.ts';
import { nothing } from './view.ts';

export function typeDistribution(subscription: Subscription): TypeDistribution {
  const { type, view, pushes, bytes, nacks, lastPushAt, lastAnswerAt, leaving, unanswered } = subscription;
  view.refresh();
  const problem = view.failure();
  const pending = subscription.pending || leaving.size > 0 || problem !== undefined;
  return {
    type,
    resources: view.since(nothing).resources.length,
    state: pending ? 'pending' : unanswered.length > 0 ? 'sent' : 'acknowledged',
    ...(problem !== undefined && { problem }),
    version: view.version,
    rejected: subscription.rejections(),
    pushes,
    bytes,
    nacks,
    ...(lastPushAt !== undefined && { lastPushAt }),
    ...(lastAnswerAt !== undefined && { lastAnswerAt }),
  };
}

/** Versions by name of what the proxy has acknowledged: all that was sent but for what it refused or has yet to answer. */
export function acknowledgedVersions(subscription: Subscription): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  const { view, sent, owed, unanswered } = subscription;
  if (sent === nothing) return versions;
  for (const { name, version } of view.all()) versions.set(name, version);
  for (const { name } of unsentOf(subscription, view).resources) versions.delete(name);
  for (const name of owed?.keys() ?? []) versions.delete(name);
  for (const { resources } of unanswered) for (const { name } of resources) versions.delete(name);
  for (const { name } of subscription.rejections()) versions.delete(name);
  for (const name of subscription.isolation?.doubted ?? []) versions.delete(name);
  return versions;
}
