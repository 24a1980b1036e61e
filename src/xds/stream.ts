// One proxy's ADS stream: requests in, responses out in the order that never breaks traffic.

import type { ReadonlySignal } from '@preact/signals-core';
import type { ObjectRef } from '../api/object.ts';
import type { GrpcCall } from '../lib/grpc/call.ts';
import { grpcStatus, type GrpcStatus } from '../lib/grpc/status.ts';
import type { Configuration, ProxyNode } from '../compile/configuration.ts';
import { typeUrl, type Resource, type ResourceType } from '../compile/resource.ts';
import { endpointsNameOf } from './cluster.ts';
import { isMapType } from './content.ts';
import type { Flushable, StreamContext } from './context.ts';
import { lackingObjects, objectStates, type ObjectState } from './object-state.ts';
import type { Distributed, ProxyDistribution, Refusal } from './distribution.ts';
import { isUsed, waitForClusters, waitForRemovals } from './order.ts';
import { decodeDeltaRequest, decodeSotwRequest, type DiscoveryRequest } from './request.ts';
import { acknowledgedVersions, typeDistribution } from './report.ts';
import { deltaHead, sotwHead, type Protocol } from './response.ts';
import { changeDelta, changeSotw, openDelta, openSotw } from './subscribe.ts';
import type { Push, Subscription } from './subscription.ts';
import type { Peer } from './peers.ts';
import { noDifference, nothing, type Difference } from './view.ts';
import { readOr } from './watch.ts';

/** What a stream is for: everything that a proxy subscribes to, or the clusters that it calls for by name. */
export type Purpose = 'ads' | 'called';

/** The types that are served on a stream, by URL. */
const types: Readonly<Record<Purpose, ReadonlyMap<string, ResourceType>>> = {
  ads: new Map((['cluster', 'endpoint', 'listener', 'route', 'secret'] as const).map((type) => [typeUrl[type], type])),
  // The service's own name says the type.
  called: new Map([typeUrl.called, ''].map((url) => [url, 'called'])),
};

export class ProxyStream implements Distributed, Flushable, Peer {
  readonly stream: number;
  readonly node: ProxyNode;
  readonly identity: string | undefined;
  readonly purpose: Purpose;
  readonly #server: StreamContext;
  readonly #call: GrpcCall;
  readonly #protocol: Protocol;
  readonly #openedAt: number;
  readonly #cell: ReadonlySignal<Configuration>;
  #configuration: Configuration;
  readonly #subscriptions = new Map<ResourceType, Subscription>();
  /** Types that this server does not serve and that were asked for: told once each. */
  readonly #foreign = new Set<string>();
  /** Names under which the proxy was given the cluster of a service. */
  readonly #given = new Set<string>();
  #nonces = 0;
  /** The socket is full: nothing is sent before it drained. */
  #blocked = false;
  /** Something waits for an answer or a time. */
  #held = false;
  /** The change that what waits belongs to. */
  #heldChange: number | undefined;
  /** The next endpoints stand behind clusters that need them. */
  #behindClusters = false;
  #disarm: (() => void) | undefined;

  constructor(
    server: StreamContext,
    call: GrpcCall,
    protocol: Protocol,
    purpose: Purpose,
    node: ProxyNode,
    identity: string | undefined,
    stream: number,
  ) {
    this.stream = stream;
    this.node = node;
    this.identity = identity;
    this.#server = server;
    this.#call = call;
    this.#protocol = protocol;
    this.purpose = purpose;
    this.#openedAt = server.clock.now();
    this.#cell = server.compiler.configurationFor(node);
    this.#configuration = this.#cell.peek();
    server.watches.add(this.#cell, node.id, this);
  }

  /** The proxy's class may have changed. */
  touch(): void {
    this.#server.touchStream(this);
  }

  /** Takes one request; a status to end the stream with when it cannot be understood or is too much. */
  request(bytes: Uint8Array): GrpcStatus | undefined {
    const decoded = this.#protocol === 'delta' ? decodeDeltaRequest(bytes) : decodeSotwRequest(bytes);
    if (!decoded) return grpcStatus('invalidArgument', 'the request is no discovery request');
    const type = types[this.purpose].get(decoded.typeUrl);
    if (!type) {
      this.#ignore(decoded.typeUrl);
      return undefined;
    }
    const request = this.purpose === 'called' ? this.#withinBounds(decoded) : decoded;
    const { mostNames } = this.#server;
    const tooMany = grpcStatus('resourceExhausted', `more than ${mostNames} resource names on one stream`);
    // Before anything is looked up by these names: each would make a cell.
    if (request.subscribe.length > mostNames) return tooMany;
    const subscription = this.#subscriptions.get(type);
    if (!subscription) this.#open(type, request);
    else if (!this.#change(subscription, request)) return undefined;
    let names = 0;
    for (const { view, extra } of this.#subscriptions.values()) names += (view.names?.size ?? 0) + extra.size;
    if (names > mostNames) return tooMany;
    this.flush(undefined);
    return undefined;
  }

  /** A proxy that calls for more than it may keeps what it has, and its stream; only the names beyond are not answered. */
  #withinBounds(request: DiscoveryRequest): DiscoveryRequest {
    const room = this.#server.mostCalled - (this.#subscriptions.get('called')?.view.names?.size ?? 0);
    if (request.subscribe.length <= room) return request;
    this.#server.log.warn({ node: this.node.id, most: this.#server.mostCalled }, 'a proxy calls for too many clusters');
    return { ...request, subscribe: request.subscribe.slice(0, Math.max(room, 0)) };
  }

  #open(type: ResourceType, request: DiscoveryRequest): void {
    const open = this.#protocol === 'delta' ? openDelta : openSotw;
    const subscription = open(this.#server.views, this.#configuration, type, request);
    this.#server.owners.set(subscription, this);
    this.#subscriptions.set(type, subscription);
    if (type !== 'endpoint') return;
    // A proxy that comes back is sent clusters that changed meanwhile before it says which endpoints it has kept.
    for (const { resources } of this.#subscriptions.get('cluster')?.unanswered ?? []) this.#oweEndpointsOf(resources);
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
    return this.#held || subscription.pending;
  }

  #answer(subscription: Subscription, nonce: string, error: string | undefined): void {
    const { clock, metrics, log } = this.#server;
    const now = clock.now();
    const pushes = subscription.answered(nonce, error, now, this.#sendsState(subscription.type));
    if (!pushes) return this.#protocol === 'delta' ? metrics.staleNonce(subscription.type) : undefined;
    for (const { sentAt, changedAt, behind } of pushes) {
      if (behind !== undefined) for (const peer of this.#server.peers.of(this)) peer.repeatEndpoints(behind);
      metrics.answered(subscription.type, (now - sentAt) / 1000);
      if (changedAt !== undefined) {
        metrics.converged((now - changedAt) / 1000);
        this.#server.waves.answered(changedAt, now);
      }
    }
    if (error === undefined) return;
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
      const view = views.join(subscription, next, subscription.type, before.names && new Set(before.names));
      if (view === before) continue;
      view.refresh();
      subscription.switchTo(view, false);
      views.leave(subscription, before, true);
    }
  }

  flush(cause: number | undefined): void {
    if (this.#blocked || !this.#call.open) return;
    const changedAt = cause ?? this.#heldChange;
    this.#heldChange = undefined;
    for (const { view } of this.#subscriptions.values()) view.refresh();
    this.#held = false;
    this.#disarm?.();
    this.#disarm = undefined;
    if (!this.#flushCalled(changedAt)) return;
    if (!this.#flushClusters(changedAt)) return;
    if (!this.#flushType('endpoint', changedAt, this.#behindClusters)) return;
    this.#behindClusters = false;
    if (!this.#flushType('secret', changedAt, false)) return;

    const { clock, patienceMs } = this.#server;
    const wait = waitForClusters(this.#subscriptions, clock.now(), patienceMs);
    const dependents = this.#subscriptions.get('listener')?.pending || this.#subscriptions.get('route')?.pending;
    if (wait > 0 && dependents) return this.#hold(wait, changedAt);
    if (!this.#flushType('listener', changedAt, false)) return;
    if (!this.#flushType('route', changedAt, false)) return;
    this.#flushRemovals(changedAt);
  }

  /** Clusters that appeared or changed, and in the same burst the endpoints that Envoy does not ask for again. */
  #flushClusters(changedAt: number | undefined): boolean {
    const subscription = this.#subscriptions.get('cluster');
    if (!subscription?.pending) return true;
    if (subscription.full) return this.#holdFull();
    const { resources, removed } = subscription.take();
    for (const [name, held] of removed) subscription.leave(name, held);
    for (const { name } of resources) subscription.stays(name);
    if (resources.length === 0 && !subscription.greet) return this.#sendTrial(subscription, changedAt, true);
    this.#oweEndpointsOf(resources);
    const state = this.#protocol === 'delta' ? resources : stateWithLeaving(subscription);
    return (
      this.#send(subscription, { ...noDifference, resources: state }, changedAt, true) &&
      this.#sendTrial(subscription, changedAt, true)
    );
  }

  /** A cluster that comes waits for its endpoints, also where the proxy has them already: it does not ask for these again. */
  #oweEndpointsOf(clusters: readonly Resource[]): void {
    const endpoints = this.#subscriptions.get('endpoint');
    if (endpoints === undefined || endpoints.sent === nothing) return;
    for (const cluster of clusters) {
      const name = endpointsNameOf(cluster);
      if (name === undefined || !endpoints.view.names?.has(name)) continue;
      endpoints.owe(name, 'nothing');
      this.#behindClusters = true;
    }
  }

  /**
   * Clusters that were called for. None is ever taken away: a proxy does not ask for it twice. Where the proxy has a cluster's
   * endpoints, it waits for them all the same when the cluster changes: they follow the answer, on the other stream.
   */
  #flushCalled(changedAt: number | undefined): boolean {
    const subscription = this.#subscriptions.get('called');
    if (!subscription?.pending) return true;
    if (subscription.full) return this.#holdFull();
    const peers = this.#server.peers.of(this);
    const taken = subscription.take().resources;
    // What is gone stays until no route of the proxy leads there.
    const gone = taken.filter(({ name, causes }) => causes.length === 0 && this.#given.has(name));
    const wait = gone.length === 0 ? 0 : Math.max(0, ...peers.map((peer) => peer.untilUnused()));
    if (wait > 0) {
      for (const { name } of gone) subscription.owe(name, 'something');
      this.#hold(Math.min(wait, lookAgainMs), changedAt);
    }
    const resources = wait > 0 ? taken.filter((cluster) => !gone.includes(cluster)) : taken;
    if (resources.length === 0) return this.#sendTrial(subscription, changedAt, false);
    for (const { name, causes } of resources) {
      if (causes.length > 0) this.#given.add(name);
      else this.#given.delete(name);
    }
    const names = resources.flatMap((cluster) => endpointsNameOf(cluster) ?? []);
    const behind = new Set(peers.flatMap((peer) => peer.endpointsHeld(names)));
    const sent = this.#send(subscription, { ...noDifference, resources }, changedAt, false, [...behind]);
    return sent && this.#sendTrial(subscription, changedAt, false);
  }

  endpointsHeld(names: readonly string[]): readonly string[] {
    const endpoints = this.#subscriptions.get('endpoint');
    return endpoints === undefined ? [] : names.filter((name) => endpoints.view.names?.has(name));
  }

  repeatEndpoints(names: readonly string[]): void {
    const endpoints = this.#subscriptions.get('endpoint');
    if (endpoints === undefined || endpoints.sent === nothing) return;
    for (const name of names) if (endpoints.view.names?.has(name)) endpoints.owe(name, 'nothing');
    this.flush(undefined);
  }

  untilUnused(): number {
    if (!this.#subscriptions.has('listener')) return 0;
    for (const { view } of this.#subscriptions.values()) view.refresh();
    const { clock, patienceMs } = this.#server;
    return waitForRemovals(this.#subscriptions, clock.now(), patienceMs) ?? patienceMs;
  }

  hasCalled(name: string): boolean {
    return this.#subscriptions.get('called')?.view.names?.has(name) ?? false;
  }

  #flushType(type: ResourceType, changedAt: number | undefined, gating: boolean): boolean {
    const subscription = this.#subscriptions.get(type);
    if (!subscription?.pending) return true;
    if (subscription.full) return this.#holdFull();
    const { greet } = subscription;
    const difference = subscription.take();
    const { resources, removed } = difference;
    // By name, SotW cannot say that there is nothing.
    const gone = this.#protocol === 'delta' || isMapType(type);
    if (resources.length > 0 || (gone && (removed.size > 0 || greet))) {
      const whole = { ...noDifference, resources: subscription.state() };
      const named = { ...noDifference, resources };
      const sent = this.#protocol === 'delta' ? difference : isMapType(type) ? whole : named;
      if (!this.#send(subscription, sent, changedAt, gating)) return false;
    }
    return this.#sendTrial(subscription, changedAt, gating);
  }

  /** After a NACK without names: the next group of suspects, by itself, once everything before it is answered. */
  #sendTrial(subscription: Subscription, changedAt: number | undefined, gating: boolean): boolean {
    if (subscription.isolation?.trying !== true) return true;
    if (subscription.unanswered.length > 0) return this.#holdFull();
    const trial = subscription.nextTrial();
    if (trial === undefined) return true;
    const resources = this.#sendsState(subscription.type) ? stateWithLeaving(subscription) : trial;
    return this.#send(subscription, { ...noDifference, resources }, changedAt, gating);
  }

  /** Whether each response of a type holds all that there is. */
  #sendsState(type: ResourceType): boolean {
    return this.#protocol === 'sotw' && isMapType(type);
  }

  #flushRemovals(changedAt: number | undefined): void {
    const subscription = this.#subscriptions.get('cluster');
    if (!subscription) return;
    for (const [name, held] of subscription.kept) {
      if (!isUsed(this.#subscriptions, name)) subscription.leave(name, held);
    }
    if (subscription.leaving.size === 0) return;
    const { clock, patienceMs } = this.#server;
    const now = clock.now();
    const wait = waitForRemovals(this.#subscriptions, now, patienceMs);
    // A proxy that comes back asks for clusters first and for the listeners that hold on to old ones a moment later.
    const settling = this.#openedAt + settlingMs - now;
    if (wait === undefined) return this.#hold(patienceMs, changedAt);
    if (wait > 0 || settling > 0) return this.#hold(Math.max(wait, settling), changedAt);
    if (subscription.full) return void this.#holdFull();
    const peers = this.#server.peers.of(this);
    const removed = new Map<string, Resource | undefined>();
    for (const [name, held] of subscription.leaving) {
      if (subscription.view.get(name) || peers.some((peer) => peer.hasCalled(name))) continue;
      if (isUsed(this.#subscriptions, name)) subscription.kept.set(name, held);
      else removed.set(name, held);
    }
    subscription.leaving.clear();
    if (removed.size === 0) return;
    // SotW says it by the state that lacks them.
    const difference =
      this.#protocol === 'delta' ? { ...noDifference, removed } : { ...noDifference, resources: stateWithLeaving(subscription) };
    this.#send(subscription, difference, changedAt, false);
  }

  /** Sends one response; false when the socket is full now. */
  #send(
    subscription: Subscription,
    { resources, removed }: Difference,
    changedAt: number | undefined,
    gating: boolean,
    behind: readonly string[] = [],
  ): boolean {
    const { type } = subscription;
    const { clock, metrics, packer, waves } = this.#server;
    this.#nonces += 1;
    const nonce = `${this.#server.nonceBase}${this.stream.toString(36)}.${this.#nonces.toString(36)}`;
    const head =
      this.#protocol === 'delta'
        ? deltaHead(type, nonce, [...removed.keys()])
        : sotwHead(type, nonce, this.#versionOf(subscription));
    const parts = [head, ...packer.pack(this.#protocol, type, resources)];
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const sentAt = clock.now();
    const push: Push = {
      nonce,
      resources,
      removed,
      bytes,
      sentAt,
      changedAt,
      gating,
      ...(behind.length > 0 && { behind }),
    };
    subscription.unanswered.push(push);
    subscription.latestNonce = nonce;
    subscription.greet = false;
    subscription.pushes += 1;
    subscription.bytes += bytes;
    subscription.lastPushAt = sentAt;
    metrics.pushed(type, bytes);
    if (changedAt !== undefined) waves.sent(changedAt);
    this.#blocked = !this.#call.send(parts);
    return !this.#blocked;
  }

  #versionOf(subscription: Subscription): string {
    const { view, leaving, kept } = subscription;
    const more = leaving.size + kept.size;
    const withheld = subscription.state() === view.since(nothing).resources ? '' : '-';
    return `${view.version}${withheld}${more === 0 ? '' : `+${more}`}`;
  }

  #holdFull(): true {
    this.#held = true;
    return true;
  }

  #hold(ms: number, changedAt: number | undefined): void {
    this.#held = true;
    this.#heldChange = changedAt;
    this.#disarm = this.#server.clock.after(ms, () => {
      this.#disarm = undefined;
      this.flush(undefined);
    });
  }

  drain(): void {
    this.#blocked = false;
    this.flush(undefined);
  }

  close(): void {
    this.#disarm?.();
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
      protocol: this.#protocol,
      peer: `${this.#call.peer.transport} ${this.#call.peer.address}`,
      connectedSince: this.#openedAt,
      types: each,
      settled: each.every(({ state, rejected }) => state === 'acknowledged' && rejected.length === 0),
    };
  }

  objects(keys: Iterable<string>): ReadonlyMap<string, ObjectState> {
    return objectStates([...this.#subscriptions.values()], keys);
  }

  lacking(): ReadonlyMap<string, ObjectRef> {
    return lackingObjects([...this.#subscriptions.values()]);
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

/** SotW: clusters that leave stand in the state until nothing refers to them. */
function stateWithLeaving(subscription: Subscription): readonly Resource[] {
  const resources = subscription.state();
  const { leaving, kept: used } = subscription;
  const kept = [...leaving.values(), ...used.values()].filter((resource) => resource !== undefined);
  return kept.length === 0 ? resources : [...resources, ...kept];
}

/** Distinct unknown types that are remembered per stream. */
const mostForeign = 32;
/** How long clusters that are gone wait before it is looked again whether routes lead there. */
const lookAgainMs = 200;
/** After a stream opened, removals wait this long for the proxy to ask for its listeners and routes as well. */
const settlingMs = 500;
