// What one proxy has of an object: of everything that the object caused, whether it was sent and acknowledged. Worked out when
// somebody asks, so that a push pays nothing for it.

import { refKey, type ObjectRef } from '../api/object.ts';
import type { Resource } from '../compile/resource.ts';
import { unsentOf, type Subscription } from './subscription.ts';
import { nothing, type View } from './view.ts';

/** How far an object has come on its way to one proxy. */
export interface ObjectState {
  /** `pending`: it is to be sent; `sent`: the answer is due; `rejected`: the proxy keeps what it had. */
  readonly state: 'acknowledged' | 'sent' | 'pending' | 'rejected';
  /** Of a rejection the proxy's words; of what is pending, why, where more than a moment is missing. */
  readonly message?: string;
}

const acknowledged: ObjectState = { state: 'acknowledged' };
const rank: Readonly<Record<ObjectState['state'], number>> = { acknowledged: 0, sent: 1, pending: 2, rejected: 3 };

const indexes = new WeakMap<readonly Resource[], ReadonlyMap<string, readonly string[]>>();

/** Names of the resources that each object caused, by `refKey`; made once for all streams that look at the view. */
function causedIn(view: View): ReadonlyMap<string, readonly string[]> {
  const { resources } = view.since(nothing);
  let index = indexes.get(resources);
  if (index === undefined) indexes.set(resources, (index = indexed(resources)));
  return index;
}

function indexed(resources: readonly Resource[]): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<ObjectRef, string>();
  const index = new Map<string, string[]>();
  for (const { name, causes } of resources) {
    for (const { object } of causes) {
      let key = keys.get(object);
      if (key === undefined) keys.set(object, (key = refKey(object)));
      const names = index.get(key);
      if (names === undefined) index.set(key, [name]);
      else if (names.at(-1) !== name) names.push(name);
    }
  }
  return index;
}

/** What of a subscription its proxy has not acknowledged, by name. */
function unsettled(subscription: Subscription): ReadonlyMap<string, ObjectState> | 'all' {
  const { view, sent, owed, unanswered } = subscription;
  if (sent === nothing) return 'all';
  const states = new Map<string, ObjectState>();
  const problem = view.failure();
  const pending: ObjectState = { state: 'pending', ...(problem !== undefined && { message: `cannot be computed: ${problem}` }) };
  for (const { resources } of unanswered) for (const { name } of resources) states.set(name, { state: 'sent' });
  for (const { name } of unsentOf(subscription, view).resources) states.set(name, pending);
  for (const name of owed?.keys() ?? []) states.set(name, pending);
  for (const name of subscription.isolation?.doubted ?? []) states.set(name, pending);
  for (const { name, message } of subscription.rejections()) states.set(name, { state: 'rejected', message });
  return states;
}

/** The state of each object that the subscriptions' proxy needs, `due` resources that it has yet to ask for too; others are left out. */
export function objectStates(
  subscriptions: readonly Subscription[],
  keys: Iterable<string>,
  due: readonly Resource[],
): Map<string, ObjectState> {
  const looks = [
    ...subscriptions.map((subscription) => {
      subscription.view.refresh();
      return { caused: causedIn(subscription.view), states: unsettled(subscription) };
    }),
    ...(due.length > 0 ? [{ caused: indexed(due), states: 'all' as const }] : []),
  ];
  const found = new Map<string, ObjectState>();
  for (const key of keys) {
    let worst: ObjectState | undefined;
    for (const { caused, states } of looks) {
      for (const name of caused.get(key) ?? []) {
        const state = states === 'all' ? pendingFirst : (states.get(name) ?? acknowledged);
        if (worst === undefined || rank[state.state] > rank[worst.state]) worst = state;
      }
    }
    if (worst !== undefined) found.set(key, worst);
  }
  return found;
}

const pendingFirst: ObjectState = { state: 'pending' };

/** The objects of which a proxy lacks something, by `refKey`. */
export function lackingObjects(subscriptions: readonly Subscription[], due: readonly Resource[]): Map<string, ObjectRef> {
  const lacking = new Map<string, ObjectRef>();
  for (const { causes } of due) for (const { object } of causes) lacking.set(refKey(object), object);
  for (const subscription of subscriptions) {
    const { view } = subscription;
    view.refresh();
    const states = unsettled(subscription);
    for (const resource of states === 'all' ? view.all() : [...states.keys()].flatMap((name) => view.get(name) ?? [])) {
      for (const { object } of resource.causes) lacking.set(refKey(object), object);
    }
  }
  return lacking;
}
