// How a request changes what a stream is subscribed to: the rules of delta and of SotW, each in one function.

import type { Configuration } from '../compile/configuration.ts';
import { isMapType, type Looked } from './content.ts';
import type { DiscoveryRequest } from './request.ts';
import { Subscription, unsentOf } from './subscription.ts';
import { noDifference, nothing } from './view.ts';
import type { Views } from './views.ts';

const star = '*';
const withoutStar = (names: readonly string[]) => new Set(names.filter((name) => name !== star));

/** What a subscription is to. */
interface Opening extends Pick<Looked, 'type' | 'table'> {
  readonly configuration: Configuration;
}

/** What both protocols' first requests ask for. No names, or `*`, is a wildcard for clusters and listeners. */
function opened(views: Views, { configuration, type, table }: Opening, request: DiscoveryRequest) {
  const names = withoutStar(request.subscribe);
  // A proxy that comes back asks again for what it has been given, whether it repeats all names or not.
  if (type === 'called') for (const name of request.initial?.keys() ?? []) names.add(name);
  const wildcard = isMapType(type) && (request.subscribe.length === 0 || request.subscribe.includes(star));
  const subscription = new Subscription(type, (member) =>
    views.join(member, configuration, { type, table, names: wildcard ? undefined : names }),
  );
  subscription.view.refresh();
  return { subscription, names, wildcard };
}

/** A stream's first request of a type. */
export function openDelta(views: Views, opening: Opening, request: DiscoveryRequest): Subscription {
  const { subscription, names, wildcard } = opened(views, opening, request);
  if (wildcard) for (const name of names) subscription.extra.add(name);
  if (request.initial) subscription.reconcile(request.initial);
  else subscription.greet = wildcard;
  return subscription;
}

/** Later requests add and drop names. A name that is asked for again is answered again. */
export function changeDelta(views: Views, subscription: Subscription, request: DiscoveryRequest): void {
  const { subscribe, unsubscribe } = request;
  if (subscribe.length === 0 && unsubscribe.length === 0) return;
  subscription.view.refresh();
  if (isMapType(subscription.type)) changeWildcard(views, subscription, subscribe.includes(star), unsubscribe.includes(star));
  const add = [...withoutStar(subscribe)];
  const drop = [...withoutStar(unsubscribe)];
  if (subscription.wildcard) {
    for (const name of add) {
      subscription.extra.add(name);
      subscription.owe(name, 'nothing');
    }
    // Only the server knows whether the wildcard still covers a name that was dropped: it says so by sending or removing it.
    for (const name of drop) if (subscription.extra.delete(name)) subscription.owe(name, 'something');
    return;
  }
  changeNames(views, subscription, add, drop);
}

function changeWildcard(views: Views, subscription: Subscription, add: boolean, drop: boolean): void {
  const { view, extra } = subscription;
  const { type, table } = view;
  if (add && !subscription.wildcard) {
    for (const name of view.names ?? []) extra.add(name);
    const all = views.join(subscription, view.configuration, { type, table, names: undefined });
    all.refresh();
    subscription.switchTo(all, false);
    views.leave(subscription, view, false);
  } else if (drop && subscription.wildcard) {
    const some = views.join(subscription, view.configuration, { type, table, names: new Set(extra) });
    some.refresh();
    subscription.switchTo(some, true);
    views.leave(subscription, view, false);
    extra.clear();
  }
}

/** A stream's first SotW request of a type. What it accepted on an earlier stream, by version, is not sent again. */
export function openSotw(views: Views, opening: Opening, request: DiscoveryRequest): Subscription {
  const { subscription, names, wildcard } = opened(views, opening, request);
  subscription.named = names.size > 0;
  // Only a whole state has a version that says all: of endpoints and routes a proxy may have dropped some in between.
  if (wildcard && request.version !== '' && request.version === subscription.view.version) {
    subscription.sent = subscription.view.revision;
  } else subscription.greet = isMapType(opening.type);
  return subscription;
}

/** Later requests repeat all names; those that are new are answered. */
export function changeSotw(views: Views, subscription: Subscription, request: DiscoveryRequest): void {
  const { view } = subscription;
  const { type, table } = view;
  const names = withoutStar(request.subscribe);
  const map = isMapType(type);
  const wildcard = map && (request.subscribe.includes(star) || (request.subscribe.length === 0 && !subscription.named));
  if (names.size > 0) subscription.named = true;
  view.refresh();
  if (map && wildcard !== subscription.wildcard) {
    const next = views.join(subscription, view.configuration, { type, table, names: wildcard ? undefined : names });
    next.refresh();
    subscription.switchTo(next, true);
    views.leave(subscription, view, false);
    subscription.greet = true;
    return;
  }
  if (wildcard) return;
  const add: string[] = [];
  for (const name of names) if (!view.names?.has(name)) add.push(name);
  const drop: string[] = [];
  if (names.size - add.length !== (view.names?.size ?? 0))
    for (const name of view.names ?? []) if (!names.has(name)) drop.push(name);
  if (add.length === 0 && drop.length === 0) return;
  changeNames(views, subscription, add, drop);
}

function changeNames(views: Views, subscription: Subscription, add: readonly string[], drop: readonly string[]): void {
  const before = subscription.view;
  const fresh = add.filter((name) => !before.names?.has(name));
  const gone = drop.filter((name) => before.names?.has(name));
  if (fresh.length > 0 || gone.length > 0) {
    // The old view may close by moving: what it still owed this stream is read before.
    const unsent = subscription.sent === nothing ? noDifference : unsentOf(subscription, before);
    const next = views.move(subscription, before, fresh, gone);
    next.refresh();
    if (next !== before) {
      subscription.oweAll(unsent);
      subscription.lookAt(next);
      if (subscription.sent !== nothing) subscription.sent = next.revision;
    }
  }
  for (const name of drop) {
    subscription.forget(name);
    subscription.stays(name);
  }
  for (const name of add) subscription.owe(name, 'nothing');
}
