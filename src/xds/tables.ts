// In which form a proxy has each of its route tables: whole, or as a head whose virtual hosts come on a stream of their own (ADR 8).
// A table that grows large is brought over by a bridge, and is never brought back while the proxy has it.

import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';
import { formOfVersion, isLarge, tableApart } from '../compile/route/apart.ts';
import { tableBridge } from '../compile/route/bridge.ts';
import type { Outgoing } from './outgoing.ts';
import type { Peer } from './peers.ts';
import type { DiscoveryRequest } from './request.ts';
import { changeDelta } from './subscribe.ts';
import type { Push, Subscription } from './subscription.ts';
import { noDifference } from './view.ts';
import { readOr } from './watch.ts';

type Form = 'route' | 'head';
const forms: readonly Form[] = ['route', 'head'];

export class Tables {
  readonly #outgoing: Outgoing;
  readonly #open: (form: Form, request: DiscoveryRequest) => void;
  /** Tables whose bridge was sent, and whose virtual hosts are on their way. */
  readonly #bridged = new Set<string>();
  /** Tables whose bridge was refused: they stay whole. */
  readonly #whole = new Set<string>();

  constructor(outgoing: Outgoing, open: (form: Form, request: DiscoveryRequest) => void) {
    this.#outgoing = outgoing;
    this.#open = open;
  }

  /** Whether virtual hosts are awaited before a head may follow its bridge. */
  get awaits(): boolean {
    return this.#bridged.size > 0;
  }

  bridges(name: string): boolean {
    return this.#bridged.has(name);
  }

  /** Both forms are of one type to the proxy: what a request for tables says of either. */
  requests(request: DiscoveryRequest, configuration: Configuration): readonly (readonly [Form, DiscoveryRequest])[] {
    const { subscriptions } = this.#outgoing;
    const formOf = (name: string): Form => this.#formNow(name) ?? this.#formFor(name, request, configuration);
    const answered = forms.find((form) => subscriptions.get(form)?.unanswered.some(({ nonce }) => nonce === request.nonce));
    const parts = forms.flatMap((form): (readonly [Form, DiscoveryRequest])[] => {
      const here = (name: string) => formOf(name) === form;
      const [subscribe, unsubscribe] = [request.subscribe.filter(here), request.unsubscribe.filter(here)];
      const initial = request.initial && new Map([...request.initial].filter(([name]) => here(name)));
      if (subscribe.length + unsubscribe.length + (initial?.size ?? 0) === 0 && answered !== form) return [];
      return [[form, { ...request, subscribe, unsubscribe, initial, nonce: answered === form ? request.nonce : '' }]];
    });
    for (const name of request.unsubscribe) this.#bridged.delete(name);
    return parts.length > 0 ? parts : [['route', request]];
  }

  #formNow(name: string): Form | undefined {
    return forms.find((form) => this.#outgoing.subscriptions.get(form)?.view.names?.has(name));
  }

  /** A proxy that comes back with a table keeps its form; where it has none, the size says. */
  #formFor(name: string, { initial }: DiscoveryRequest, configuration: Configuration): Form {
    const held = initial?.get(name);
    if (held === undefined) return largeTable(name, configuration) === undefined ? 'route' : 'head';
    const form = formOfVersion(held);
    if (form === 'bridge') this.#bridged.add(name);
    return form === 'whole' ? 'route' : 'head';
  }

  /** Brings over the tables that have grown large since the proxy asked for them, and on those whose virtual hosts are there. */
  review(configuration: Configuration, peers: () => readonly Peer[]): void {
    const { subscriptions, protocol } = this.#outgoing;
    const heads = subscriptions.get('head');
    if (this.awaits) {
      const there = peers();
      for (const name of this.#bridged) {
        if (isUnderWay(heads, name) || !there.some((peer) => peer.table === name && peer.hostsArrived())) continue;
        this.#bridged.delete(name);
        heads?.owe(name, 'something');
      }
    }
    const whole = subscriptions.get('route');
    if (protocol !== 'delta' || !whole?.pending) return;
    const refused = new Set(whole.rejections().map(({ name }) => name));
    for (const name of whole.view.names ?? []) {
      if (this.#whole.has(name) || refused.has(name) || isUnderWay(whole, name)) continue;
      const table = largeTable(name, configuration);
      if (table === undefined || tableBridge(table) === undefined) continue;
      this.#bridged.add(name);
      this.#move(name, 'route', 'head');
    }
  }

  /** Heads, or the bridges to them, each of which goes by itself; false when the socket is full now. */
  sendHeads(changedAt: number | undefined): boolean {
    const outgoing = this.#outgoing;
    const subscription = outgoing.subscriptions.get('head');
    if (!subscription?.pending || !this.awaits) return outgoing.sendType('head', changedAt, false);
    if (subscription.full) return outgoing.holdFull();
    const { resources, removed } = subscription.take();
    const heads = resources.filter(({ name }) => !this.#bridged.has(name));
    const bridges = resources.filter(({ name }) => this.#bridged.has(name));
    if (heads.length + removed.size > 0 && !outgoing.send(subscription, { resources: heads, removed }, changedAt, false))
      return false;
    for (const { name } of bridges) {
      const table = readOr(subscription.view.configuration.route(name), undefined);
      const bridge = table && tableBridge(table);
      // What there is no bridge to waits until the virtual hosts are there.
      if (bridge === undefined) subscription.owe(name, 'something');
      else if (!outgoing.send(subscription, { ...noDifference, resources: [bridge] }, changedAt, false)) return false;
    }
    return true;
  }

  /** A response with heads was refused: a table whose bridge it was goes on whole. */
  refused({ resources }: Push): void {
    for (const { name, version } of resources) {
      if (formOfVersion(version) !== 'bridge' || !this.#bridged.delete(name)) continue;
      this.#whole.add(name);
      this.#move(name, 'head', 'route');
      this.#outgoing.holdFull();
    }
  }

  #move(name: string, from: Form, to: Form): void {
    const { subscriptions, server } = this.#outgoing;
    const [before, after] = [subscriptions.get(from), subscriptions.get(to)];
    if (before) changeDelta(server.views, before, { ...noRequest, unsubscribe: [name] });
    if (after) changeDelta(server.views, after, { ...noRequest, subscribe: [name] });
    else this.#open(to, { ...noRequest, subscribe: [name] });
  }

  /** The virtual hosts of the tables that the proxy was sent the heads of, less those it has asked for: it will. */
  unasked(peers: readonly Peer[]): readonly Resource[] {
    const heads = this.#outgoing.subscriptions.get('head');
    if (heads === undefined) return [];
    const { configuration, names } = heads.view;
    return [...(names ?? [])].flatMap((name) => {
      const table = peers.some((peer) => peer.table === name) ? undefined : readOr(configuration.route(name), undefined);
      return table === undefined ? [] : [...(tableApart(table)?.hosts.values() ?? [])];
    });
  }
}

const noRequest: DiscoveryRequest = {
  typeUrl: '',
  nonce: '',
  error: undefined,
  node: undefined,
  subscribe: [],
  unsubscribe: [],
  initial: undefined,
  version: '',
};

const isUnderWay = (subscription: Subscription | undefined, table: string): boolean =>
  subscription?.unanswered.some(({ resources }) => resources.some(({ name }) => name === table)) === true;

/** A table that would be sent apart to a proxy that has nothing of it. */
function largeTable(name: string, configuration: Configuration): Resource | undefined {
  if (configuration.delivery !== 'demand') return undefined;
  const table = readOr(configuration.route(name), undefined);
  return table !== undefined && isLarge(table) && tableApart(table) !== undefined ? table : undefined;
}
