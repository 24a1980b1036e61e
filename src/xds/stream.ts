// One proxy's ADS stream: requests in, responses out in the order that never breaks traffic.

import type { ReadonlySignal } from '@preact/signals-core';
import type { ObjectRef } from '../api/object.ts';
import type { GrpcCall } from '../lib/grpc/call.ts';
import { grpcStatus, type GrpcStatus } from '../lib/grpc/status.ts';
import type { Configuration, ProxyNode } from '../compile/configuration.ts';
import { typeUrl, type Resource, type ResourceType } from '../compile/resource.ts';
import { CalledClusters } from './called.ts';
import { KeptClusters } from './kept-clusters.ts';
import { oweEndpoints, oweEndpointsOf, sendClusters, sendEndpoints, sendRemovals, untilUnused } from './clusters.ts';
import type { Flushable, StreamContext } from './context.ts';
import { sendListenerRemovals, sendListeners } from './listeners.ts';
import { lackingObjects, objectStates, type ObjectState } from './object-state.ts';
import type { Distributed, ProxyDistribution, Refusal } from './distribution.ts';
import { hasDependents, isUsed, waitForClusters } from './order.ts';
import { Outgoing } from './outgoing.ts';
import type { DiscoveryRequest } from './request.ts';
import { acknowledgedVersions, typeDistribution } from './report.ts';
import type { Protocol } from './response.ts';
import { changeDelta, changeSotw, openDelta, openSotw } from './subscribe.ts';
import type { Subscription } from './subscription.ts';
import type { Peer } from './peers.ts';
import { nothing } from './view.ts';
import { sendHosts } from './hosts.ts';
import { Tables } from './tables.ts';
import { readOr } from './watch.ts';

/** What a stream is for: everything that a proxy subscribes to, the clusters that it calls for by name, or one table's hosts. */
export type Purpose = 'ads' | 'called' | 'hosts';

/** The types that are served on a stream, by URL. */
const types: Readonly<Record<Purpose, ReadonlyMap<string, ResourceType>>> = {
  ads: new Map((['cluster', 'endpoint', 'listener', 'route', 'secret'] as const).map((type) => [typeUrl[type], type])),
  // The service's own name says the type.
  called: new Map([typeUrl.called, ''].map((url) => [url, 'called'])),
  hosts: new Map([typeUrl.host, ''].map((url) => [url, 'host'])),
};

export class ProxyStream implements Distributed, Flushable, Peer {
  readonly stream: number;
  readonly node: ProxyNode;
  readonly identity: string | undefined;
  readonly purpose: Purpose;
  /** Whose virtual hosts it is for. */
  readonly table: string;
  readonly #server: StreamContext;
  readonly #call: GrpcCall;
  readonly #protocol: Protocol;
  readonly #cell: ReadonlySignal<Configuration>;
  #configuration: Configuration;
  readonly #outgoing: Outgoing;
  readonly #kept: KeptClusters;
  readonly #called: CalledClusters;
  readonly #tables: Tables;
  readonly #subscriptions: Map<ResourceType, Subscription>;
  /** Types that this server does not serve and that were asked for: told once each. */
  readonly #foreign = new Set<string>();

  constructor(
    server: StreamContext,
    call: GrpcCall,
    protocol: Protocol,
    { purpose, table }: { readonly purpose: Purpose; readonly table: string },
    node: ProxyNode,
    identity: string | undefined,
    stream: number,
  ) {
    this.stream = stream;
    this.node = node;
    this.identity = identity;
    this.table = table;
    this.#server = server;
    this.#call = call;
    this.#protocol = protocol;
    this.purpose = purpose;
    this.#outgoing = new Outgoing({ server, call, protocol, stream, again: () => this.flush(undefined) });
    this.#subscriptions = this.#outgoing.subscriptions;
    this.#called = new CalledClusters(this.#outgoing, () => server.peers.of(this));
    this.#kept = new KeptClusters(this.#outgoing, this);
    this.#tables = new Tables(this.#outgoing, (form, request) => this.#open(form, request));
    this.#cell = server.compiler.configurationFor(node);
    this.#configuration = this.#cell.peek();
    server.watches.add(this.#cell, node.id, this);
  }

  /** The proxy's class may have changed. */
  touch(): void {
    this.#server.touchStream(this);
  }

  /** Takes one request; a status to end the stream with when it is too much. */
  request(decoded: DiscoveryRequest): GrpcStatus | undefined {
    const type = types[this.purpose].get(decoded.typeUrl);
    if (!type) {
      this.#ignore(decoded.typeUrl);
      return undefined;
    }
    const request = this.purpose === 'called' ? this.#called.withinBounds(decoded, this.node.id) : decoded;
    const { mostNames } = this.#server;
    const tooMany = grpcStatus('resourceExhausted', `more than ${mostNames} resource names on one stream`);
    // Before anything is looked up by these names: each would make a cell.
    if (request.subscribe.length > mostNames) return tooMany;
    const parts =
      type === 'route' && this.#protocol === 'delta'
        ? this.#tables.requests(request, this.#configuration)
        : [[type, request] as const];
    let look = false;
    for (const [form, part] of parts) {
      const subscription = this.#subscriptions.get(form);
      if (!subscription) this.#open(form, part);
      look = !subscription || this.#change(subscription, part) || look;
    }
    if (!look) return undefined;
    let names = 0;
    for (const { view, extra } of this.#subscriptions.values()) names += (view.names?.size ?? 0) + extra.size;
    if (names > mostNames) return tooMany;
    this.flush(undefined);
    // A proxy that comes back with its virtual hosts answers nothing, for nothing is sent.
    if (this.purpose === 'hosts') for (const peer of this.#server.peers.of(this)) peer.look();
    return undefined;
  }

  #open(type: ResourceType, request: DiscoveryRequest): void {
    const open = this.#protocol === 'delta' ? openDelta : openSotw;
    const subscription = open(this.#server.views, { configuration: this.#configuration, type, table: this.table }, request);
    this.#server.owners.set(subscription, this);
    this.#subscriptions.set(type, subscription);
    if (type === 'called') this.#called.opened(request);
    if (type === 'cluster') this.#kept.opened(request);
    if (type !== 'endpoint') return;
    // A proxy that comes back is sent clusters that changed meanwhile before it says which endpoints it has kept.
    for (const { resources } of this.#subscriptions.get('cluster')?.unanswered ?? []) oweEndpointsOf(this.#outgoing, resources);
    for (const peer of this.#server.peers.of(this)) oweEndpoints(this.#outgoing, peer.takeUnrepeated());
  }

  /** Whether the request asks for a look at what there is to send. */
  #change(subscription: Subscription, request: DiscoveryRequest): boolean {
    const { views, metrics } = this.#server;
    const { nonce } = request;
    if (nonce !== '') {
      this.#answer(subscription, nonce, request.error);
      // SotW: names in an answer to anything but the latest response are out of date; they come again with its answer.
      if (this.#protocol === 'sotw' && nonce !== subscription.latestNonce) {
        metrics.staleNonce(subscription.type);
        return false;
      }
    }
    if (this.#protocol === 'delta') changeDelta(views, subscription, request);
    else changeSotw(views, subscription, request);
    return this.#outgoing.held || subscription.pending;
  }

  #answer(subscription: Subscription, nonce: string, error: string | undefined): void {
    const { clock, metrics, log } = this.#server;
    const now = clock.now();
    const pushes = subscription.answered(nonce, error, now, this.#outgoing.sendsState(subscription.type));
    if (!pushes) return this.#protocol === 'delta' ? metrics.staleNonce(subscription.type) : undefined;
    for (const { sentAt, changedAt, behind } of pushes) {
      if (behind !== undefined) this.#called.answered(behind);
      metrics.answered(subscription.type, (now - sentAt) / 1000);
      if (changedAt !== undefined) {
        metrics.converged((now - changedAt) / 1000);
        this.#server.waves.answered(changedAt, now);
      }
    }
    const refused = error === undefined ? undefined : pushes.at(-1);
    if (refused !== undefined) this.#tables.refused(refused);
    for (const peer of this.#server.peers.of(this)) peer.look();
    if (refused === undefined) return;
    metrics.rejected(subscription.type);
    log.warn({ node: this.node.id, type: subscription.type, error }, 'a proxy refused a response and keeps what it had');
  }

  #ignore(url: string): void {
    const kept = url.slice(0, 200);
    if (this.#foreign.has(kept) || this.#foreign.size >= mostForeign) return;
    this.#foreign.add(kept);
    this.#server.log.debug({ node: this.node.id, typeUrl: kept }, 'a proxy asks for a type that is not served here');
  }

  reclassify(): void {
    const next = readOr(this.#cell, this.#configuration);
    if (next === this.#configuration) return;
    this.#configuration = next;
    const { views } = this.#server;
    for (const subscription of this.#subscriptions.values()) {
      const before = subscription.view;
      before.refresh();
      const { type, table } = before;
      const view = views.join(subscription, next, { type, table, names: before.names && new Set(before.names) });
      if (view === before) continue;
      view.refresh();
      subscription.switchTo(view, false);
      views.leave(subscription, before, true);
    }
  }

  flush(cause: number | undefined): void {
    const outgoing = this.#outgoing;
    const look = outgoing.begin(cause);
    if (look === undefined) return;
    const { changedAt } = look;
    const peers = () => this.#server.peers.of(this);
    this.#tables.review(this.#configuration, peers);
    if (!this.#called.send(changedAt)) return;
    if (!sendClusters(outgoing, changedAt)) return;
    if (!sendEndpoints(outgoing, changedAt)) return;
    if (!outgoing.sendType('secret', changedAt, false)) return;

    const wait = hasDependents(this.#subscriptions) ? this.#untilReady(changedAt) : 0;
    if (wait > 0) return outgoing.hold(wait, changedAt);
    if (!sendListeners(outgoing, changedAt)) return;
    if (!outgoing.sendType('route', changedAt, false)) return;
    if (!this.#tables.sendHeads(changedAt)) return;
    if (!sendHosts(outgoing, peers, changedAt)) return;
    if (sendListenerRemovals(outgoing, peers, changedAt)) sendRemovals(outgoing, peers, changedAt);
    this.#kept.follow(this.#configuration, changedAt);
  }

  /** Milliseconds until what leads to clusters may go; virtual hosts wait for those of the ADS stream. */
  #untilReady(changedAt: number | undefined): number {
    const { clock, patienceMs, peers } = this.#server;
    if (this.purpose === 'hosts') return Math.max(0, ...peers.of(this).map((peer) => peer.clustersFirst(changedAt)));
    return waitForClusters(this.#subscriptions, clock.now(), patienceMs);
  }

  clustersFirst(changedAt: number | undefined): number {
    if (this.purpose !== 'ads') return 0;
    this.flush(changedAt);
    return this.#untilReady(changedAt);
  }

  leadsTo(cluster: string): boolean {
    return isUsed(this.#subscriptions, cluster);
  }

  bridges(table: string): boolean {
    return this.#tables.bridges(table);
  }

  hostsArrived(): boolean {
    const hosts = this.#subscriptions.get('host');
    if (hosts === undefined || hosts.sent === nothing || hosts.unanswered.length > 0) return false;
    hosts.view.refresh();
    return !hosts.pending && hosts.rejections().length === 0;
  }

  look(): void {
    if (this.#outgoing.held || this.#tables.awaits) this.flush(undefined);
  }

  endpointsHeld(names: readonly string[]): readonly string[] | undefined {
    const endpoints = this.#subscriptions.get('endpoint');
    return endpoints && names.filter((name) => endpoints.view.names?.has(name));
  }

  repeatEndpoints(names: readonly string[]): boolean {
    if (!this.#subscriptions.has('endpoint')) return false;
    oweEndpoints(this.#outgoing, names);
    this.flush(undefined);
    return true;
  }

  takeUnrepeated(): Iterable<string> {
    return this.#called.takeUnrepeated();
  }

  untilUnused(): number | undefined {
    if (this.purpose !== 'hosts' && !this.#subscriptions.has('listener')) return undefined;
    for (const { view } of this.#subscriptions.values()) view.refresh();
    return untilUnused(this.#outgoing);
  }

  hasCalled(name: string): boolean {
    return this.#subscriptions.get('called')?.view.names?.has(name) ?? false;
  }

  repeatCalled(names: readonly string[]): void {
    const called = this.#subscriptions.get('called');
    if (called === undefined) return;
    for (const name of names) called.owe(name, 'something');
    this.flush(undefined);
  }

  drain(): void {
    this.#outgoing.unblock();
    this.flush(undefined);
  }

  close(): void {
    this.#outgoing.stop();
    this.#kept.close();
    this.#server.watches.remove(this.#cell, this);
    const now = this.#server.clock.now();
    for (const subscription of this.#subscriptions.values()) {
      for (const { changedAt } of subscription.unanswered)
        if (changedAt !== undefined) this.#server.waves.answered(changedAt, now);
      this.#server.views.leave(subscription, subscription.view, true);
    }
    this.#subscriptions.clear();
  }

  distribution(): ProxyDistribution {
    const each = [...this.#subscriptions.values()].map(typeDistribution);
    return {
      stream: this.stream,
      node: this.node,
      ...(this.identity !== undefined && { identity: this.identity }),
      class: this.#configuration.id,
      onDemand: this.#configuration.called !== undefined,
      protocol: this.#protocol,
      peer: `${this.#call.peer.transport} ${this.#call.peer.address}`,
      connectedSince: this.#outgoing.openedAt,
      types: each,
      settled:
        each.every(({ state, rejected }) => state === 'acknowledged' && rejected.length === 0) && this.#unasked().length === 0,
    };
  }

  objects(keys: Iterable<string>): ReadonlyMap<string, ObjectState> {
    return objectStates([...this.#subscriptions.values()], keys, this.#unasked());
  }

  lacking(): ReadonlyMap<string, ObjectRef> {
    return lackingObjects([...this.#subscriptions.values()], this.#unasked());
  }

  /** Virtual hosts that the proxy is about to ask for. */
  #unasked(): readonly Resource[] {
    return this.#tables.unasked(this.#server.peers.of(this));
  }

  refusals(): readonly Refusal[] {
    return [...this.#subscriptions.values()].flatMap((subscription) =>
      subscription.rejections().flatMap(({ name, message }) => {
        const resource = subscription.view.get(name);
        return resource === undefined ? [] : [{ type: subscription.type, resource, message }];
      }),
    );
  }

  acknowledged(type: ResourceType): ReadonlyMap<string, string> {
    const subscription = this.#subscriptions.get(type);
    return subscription ? acknowledgedVersions(subscription) : new Map();
  }
}

/** Distinct unknown types that are remembered per stream. */
const mostForeign = 32;
