// What one stream asked for of one type, what it was sent of it, and what it said to that.

import type { Resource, ResourceType } from '../compile/resource.ts';
import { Isolation } from './isolation.ts';
import type { Rejection } from './rejection.ts';
import { noDifference, nothing, type Difference, type Member, type View } from './view.ts';

/** One response that left. */
export interface Push {
  readonly nonce: string;
  readonly resources: readonly Resource[];
  /** What it took away, by name. */
  readonly removed: Difference['removed'];
  readonly bytes: number;
  readonly sentAt: number;
  /** When the change that caused it reached this room; undefined when the proxy asked for it. */
  readonly changedAt: number | undefined;
  /** Listeners and routes wait for its answer. */
  readonly gating: boolean;
  /** Endpoints that the proxy's other stream sends again when this is answered. */
  readonly behind?: readonly string[];
  /** It stands in for resources that are in doubt, and its answer says nothing of them. */
  readonly closing?: boolean;
}

/** What a proxy holds under a name: a resource that we know, something of which we know nothing more, or nothing. */
export type Held = Resource | 'something' | 'nothing';

/** Responses without an answer, per type, after which no more are sent until one comes: what changes meanwhile is coalesced. */
const mostUnanswered = 16;

export class Subscription implements Member {
  readonly type: ResourceType;
  /** Where the names of the subscription, and what is there under them, is kept. */
  view: View;
  /** The view's revision that this stream was brought to, but for `owed`. */
  sent = nothing;
  /** Names to look at besides what changed since `sent`, each with what the proxy holds under it as far as that is known. */
  owed: Map<string, Held> | undefined;
  /** What is owed under names of which nothing is known yet; it is taken up with the view's next change. */
  #deferred: Map<string, Held> | undefined;
  /** Names asked for by name beside a wildcard. */
  readonly extra = new Set<string>();
  /** Whether the client ever asked by name, so that no names mean none, not all (SotW). */
  named = false;
  /** The first answer is due even if it is empty: the proxy waits for it. */
  greet = false;
  /** What is sent next stands behind clusters that need it: listeners and routes wait for its answer (endpoints). */
  gating = false;
  /** Removed resources that the proxy is told of only after nothing needs them any more (clusters, listeners). */
  readonly leaving = new Map<string, Resource | undefined>();
  /** Removed resources that the proxy keeps: clusters that its listeners or routes name, listeners for which it refused others. */
  readonly kept = new Map<string, Resource | undefined>();
  readonly unanswered: Push[] = [];
  /** Since the first NACK: what is kept from the proxy, and why. */
  isolation: Isolation | undefined;
  /** Where the whole state is sent (SotW): the last one that was accepted. */
  #accepted: readonly Resource[] = [];
  /** Whether the proxy has something of it. */
  arrived = false;
  /** What stands in for the first response, which was refused, was sent (virtual hosts). */
  closing = false;
  latestNonce = '';
  pushes = 0;
  bytes = 0;
  nacks = 0;
  lastPushAt: number | undefined;
  lastAnswerAt: number | undefined;

  constructor(type: ResourceType, join: (member: Member) => View) {
    this.type = type;
    this.view = join(this);
  }

  get wildcard(): boolean {
    return this.view.names === undefined;
  }

  /** Whether there is something to send, as of the view's last refresh. What cannot be computed is nothing, not an empty state. */
  get pending(): boolean {
    return (
      this.view.known &&
      (this.sent !== this.view.revision ||
        this.owed !== undefined ||
        this.greet ||
        this.isolation?.trying === true ||
        this.gaping)
    );
  }

  /** Of virtual hosts: the first response was refused, Envoy serves without any, and nothing stands in for them yet. */
  get gaping(): boolean {
    return this.type === 'host' && this.isolation !== undefined && !this.arrived && !this.closing;
  }

  /** Whether it must wait for an answer before anything more is sent. */
  get full(): boolean {
    return this.unanswered.length >= mostUnanswered;
  }

  owe(name: string, held: Held): void {
    this.owed ??= new Map();
    const known = this.owed.get(name);
    if (known === undefined || known === 'nothing') this.owed.set(name, held);
  }

  leave(name: string, held: Resource | undefined): void {
    this.kept.delete(name);
    this.leaving.set(name, held);
  }

  /** What was to leave does not, as long as something holds on to it. */
  keep(name: string, held: Resource | undefined): void {
    this.leaving.delete(name);
    this.kept.set(name, held);
  }

  /** What was to leave does not, or is none of ours any more. */
  stays(name: string): void {
    this.leaving.delete(name);
    this.kept.delete(name);
  }

  /** The proxy comes back with what it kept: only what differs is owed. */
  reconcile(kept: ReadonlyMap<string, string>): void {
    const { view } = this;
    this.sent = view.revision;
    this.arrived = kept.size > 0;
    for (const { name, version } of view.all()) if (kept.get(name) !== version) this.owe(name, 'nothing');
    for (const name of kept.keys()) if (!view.get(name)) this.owe(name, 'something');
  }

  /**
   * Looks through another view from now on: other names, or another class. What was sent is carried over; where the two
   * views differ in content is owed. With `sameContent` they differ in names only, and the caller owes the new ones.
   */
  switchTo(next: View, sameContent: boolean): void {
    const before = this.view;
    if (next === before) return;
    this.lookAt(next);
    if (this.sent === nothing) return;
    this.oweAll(unsentOf(this, before));
    if (!sameContent) {
      for (const held of before.all()) if (next.get(held.name)?.version !== held.version) this.owe(held.name, held);
      for (const { name } of next.all()) if (!before.get(name)) this.owe(name, 'nothing');
    }
    this.sent = next.revision;
  }

  lookAt(view: View): void {
    this.view = view;
    this.#recall();
  }

  /** The proxy dropped a name: nothing is owed under it. */
  forget(name: string): void {
    this.owed?.delete(name);
    if (this.owed?.size === 0) this.owed = undefined;
    this.#deferred?.delete(name);
  }

  #recall(): void {
    for (const [name, held] of this.#deferred ?? []) this.owe(name, held);
    this.#deferred = undefined;
  }

  /** Owes what a difference says. */
  oweAll({ resources, removed }: Difference): void {
    for (const { name } of resources) this.owe(name, 'something');
    for (const [name, held] of removed) this.owe(name, held ?? 'something');
  }

  /** What to send now; from here on it counts as sent. */
  take(): Difference {
    this.#recall();
    const { view, owed } = this;
    const difference = unsentOf(this, view);
    this.sent = view.revision;
    this.owed = undefined;
    if (!owed) return this.#deliverable(difference);
    const resources = new Map(difference.resources.map((resource) => [resource.name, resource]));
    const removed = new Map(difference.removed);
    for (const [name, held] of owed) {
      const resource = view.get(name);
      if (resource) resources.set(name, resource);
      else if (!view.knows(name)) (this.#deferred ??= new Map()).set(name, held);
      else if (held !== 'nothing') removed.set(name, held === 'something' ? undefined : held);
    }
    return this.#deliverable({ resources: [...resources.values()], removed });
  }

  /** A difference less what is withheld; the same object where nothing is, so that its bytes stay shared. */
  #deliverable(difference: Difference): Difference {
    const { isolation } = this;
    if (isolation === undefined) return difference;
    const resources = difference.resources.filter((resource) => !isolation.withholds(resource));
    return resources.length === difference.resources.length ? difference : { ...difference, resources };
  }

  /** The whole state as the proxy may have it: what is withheld stands in its earlier form. */
  state(): readonly Resource[] {
    const { resources } = this.view.since(nothing);
    const { isolation } = this;
    if (isolation === undefined || !resources.some((resource) => isolation.withholds(resource))) return resources;
    return resources.flatMap((resource) =>
      isolation.withholds(resource) ? (isolation.instead(resource.name) ?? []) : [resource],
    );
  }

  /** The resources of the next group that is sent by itself to find a bad one among them; undefined while none is. */
  nextTrial(): readonly Resource[] | undefined {
    for (let names = this.isolation?.next(); names !== undefined; names = this.isolation?.next()) {
      const resources = [...names].flatMap((name) => this.view.get(name) ?? []);
      const fresh = resources.filter((resource) => this.isolation?.withholds(resource) !== true);
      if (fresh.length > 0) return fresh;
    }
    return undefined;
  }

  /** Takes the answer to the response with this nonce; undefined if none such waits. Answers come in order: earlier ones count too. */
  answered(nonce: string, error: string | undefined, at: number, whole: boolean): readonly Push[] | undefined {
    const index = this.unanswered.findIndex((push) => push.nonce === nonce);
    if (index < 0) return undefined;
    const pushes = this.unanswered.splice(0, index + 1);
    this.lastAnswerAt = at;
    const last = pushes.at(-1);
    for (const push of pushes) {
      if (error !== undefined && push === last) continue;
      this.arrived = true;
      if (push.closing !== true) this.isolation?.accepted(push.resources);
      if (whole) this.#accepted = push.resources;
    }
    if (error !== undefined && last && last.closing !== true) this.#nacked(last, error, at);
    return pushes;
  }

  /** What the refused response brought besides what was bad in it goes out again. */
  #nacked({ resources, removed }: Push, message: string, at: number): void {
    this.nacks += 1;
    this.isolation ??= new Isolation();
    const held = new Map(this.#accepted.map((resource) => [resource.name, resource]));
    const suspects = resources.filter(({ name, version }) => held.get(name)?.version !== version);
    for (const name of this.isolation.nacked(suspects, message, at, (each) => held.get(each))) this.owe(name, 'something');
    for (const [name, before] of removed) this.owe(name, before ?? 'something');
  }

  /** Rejections of resources that are still wanted as they were refused. */
  rejections(): readonly Rejection[] {
    return (this.isolation?.refused ?? []).filter(({ name, version }) => this.view.get(name)?.version === version);
  }
}

/** What of `view` the stream lacks, besides what it is owed. */
export const unsentOf = ({ sent }: Member, view: View): Difference => (sent === view.revision ? noDifference : view.since(sent));
