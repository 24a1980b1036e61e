// What one stream sends: responses one by one, until its socket is full or an answer is due first.

import type { GrpcCall } from '../lib/grpc/call.ts';
import type { Resource, ResourceType } from '../compile/resource.ts';
import { isMapType } from './content.ts';
import type { StreamContext } from './context.ts';
import { deltaHead, sotwHead, type Protocol } from './response.ts';
import type { Push, Subscription } from './subscription.ts';
import { noDifference, nothing, type Difference } from './view.ts';

export interface OutgoingOptions {
  readonly server: StreamContext;
  readonly call: GrpcCall;
  readonly protocol: Protocol;
  /** The stream's number. */
  readonly stream: number;
  /** Looks again at what there is to send. */
  readonly again: () => void;
}

export class Outgoing {
  readonly server: StreamContext;
  readonly protocol: Protocol;
  readonly subscriptions = new Map<ResourceType, Subscription>();
  readonly openedAt: number;
  readonly #call: GrpcCall;
  readonly #stream: number;
  readonly #again: () => void;
  #nonces = 0;
  /** The socket is full: nothing is sent before it drained. */
  #blocked = false;
  /** Something waits for an answer or a time. */
  #held = false;
  /** The change that what waits belongs to. */
  #heldChange: number | undefined;
  #disarm: (() => void) | undefined;

  constructor({ server, call, protocol, stream, again }: OutgoingOptions) {
    this.server = server;
    this.protocol = protocol;
    this.openedAt = server.clock.now();
    this.#call = call;
    this.#stream = stream;
    this.#again = again;
  }

  /** Whether something waits, so that every answer is a reason to look again. */
  get held(): boolean {
    return this.#held;
  }

  /** Before each look: whether something may be sent at all, and if so for which change. */
  begin(cause: number | undefined): { readonly changedAt: number | undefined } | undefined {
    if (this.#blocked || !this.#call.open) return undefined;
    const changedAt = cause ?? this.#heldChange;
    this.#heldChange = undefined;
    for (const { view } of this.subscriptions.values()) view.refresh();
    this.#held = false;
    this.stop();
    return { changedAt };
  }

  /** What there is of a type; false when the socket is full now. */
  sendType(type: ResourceType, changedAt: number | undefined, gating: boolean): boolean {
    const subscription = this.subscriptions.get(type);
    if (!subscription?.pending) return true;
    if (subscription.full) return this.holdFull();
    const { greet } = subscription;
    const difference = subscription.take();
    const { resources, removed } = difference;
    // By name, SotW cannot say that there is nothing.
    const gone = this.protocol === 'delta' || isMapType(type);
    if (resources.length > 0 || (gone && (removed.size > 0 || greet))) {
      const sent =
        this.protocol === 'delta'
          ? difference
          : { ...noDifference, resources: isMapType(type) ? subscription.state() : resources };
      if (!this.send(subscription, sent, changedAt, gating)) return false;
    }
    return this.sendTrial(subscription, changedAt, gating);
  }

  /** After a NACK without names: the next group of suspects, by itself, once everything before it is answered. */
  sendTrial(subscription: Subscription, changedAt: number | undefined, gating: boolean): boolean {
    if (subscription.isolation?.trying !== true) return true;
    if (subscription.unanswered.length > 0) return this.holdFull();
    const trial = subscription.nextTrial();
    if (trial === undefined) return true;
    const resources = this.sendsState(subscription.type) ? stateWithLeaving(subscription) : trial;
    return this.send(subscription, { ...noDifference, resources }, changedAt, gating);
  }

  /** Whether each response of a type holds all that there is. */
  sendsState(type: ResourceType): boolean {
    return this.protocol === 'sotw' && isMapType(type);
  }

  /** Sends one response; false when the socket is full now. */
  send(
    subscription: Subscription,
    { resources, removed }: Difference,
    changedAt: number | undefined,
    gating: boolean,
    more: Pick<Push, 'behind' | 'closing'> = {},
  ): boolean {
    const { type } = subscription;
    const { clock, metrics, packer, waves } = this.server;
    this.#nonces += 1;
    const nonce = `${this.server.nonceBase}${this.#stream.toString(36)}.${this.#nonces.toString(36)}`;
    const head =
      this.protocol === 'delta' ? deltaHead(type, nonce, [...removed.keys()]) : sotwHead(type, nonce, versionOf(subscription));
    const parts = [head, ...packer.pack(this.protocol, type, resources)];
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const sentAt = clock.now();
    const push: Push = { nonce, resources, removed, bytes, sentAt, changedAt, gating, ...more };
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

  /** Something waits for an answer; other types may go on. */
  holdFull(): true {
    this.#held = true;
    return true;
  }

  /** Something waits for an answer or this long. */
  hold(ms: number, changedAt: number | undefined): void {
    this.#held = true;
    this.#heldChange = changedAt;
    this.#disarm = this.server.clock.after(ms, () => {
      this.#disarm = undefined;
      this.#again();
    });
  }

  /** The socket drained. */
  unblock(): void {
    this.#blocked = false;
  }

  /** No time is waited for any more. */
  stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}

/** SotW: clusters that leave stand in the state until nothing refers to them. */
export function stateWithLeaving(subscription: Subscription): readonly Resource[] {
  const resources = subscription.state();
  const { leaving, kept: used } = subscription;
  const kept = [...leaving.values(), ...used.values()].filter((resource) => resource !== undefined);
  return kept.length === 0 ? resources : [...resources, ...kept];
}

/** SotW: the digest of what a response holds. */
function versionOf(subscription: Subscription): string {
  const { view, leaving, kept } = subscription;
  const more = leaving.size + kept.size;
  const withheld = subscription.state() === view.since(nothing).resources ? '' : '-';
  return `${view.version}${withheld}${more === 0 ? '' : `+${more}`}`;
}
