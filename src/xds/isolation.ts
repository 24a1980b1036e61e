// After a NACK: the bad resources of the refused response are found, and the good ones delivered without them. A proxy refuses a
// response as a whole; its text usually names what is bad, and where it does not, halves are sent until it is known.

import type { Resource } from '../compile/resource.ts';
import { mentioned, type Rejection } from './rejection.ts';

/** Responses sent to find bad resources, until nothing is in doubt any more; beyond, all that is left counts as refused. */
const mostTrials = 64;

export class Isolation {
  /** By name. What is refused in one version is not sent again before it is another. */
  readonly #refused = new Map<string, Rejection>();
  /** Groups of names of which one is bad, each sent in a response of its own, one after the other. */
  readonly #trials: ReadonlySet<string>[] = [];
  /** Names of all groups, and what the proxy held under them where the whole state is sent. */
  readonly #before = new Map<string, Resource | undefined>();
  #left = mostTrials;

  /** Whether some group is still to be tried. */
  get trying(): boolean {
    return this.#trials.length > 0;
  }

  /** Names whose state at the proxy is not known, or is the one of before. */
  get doubted(): readonly string[] {
    return this.#trials.flatMap((names) => [...names]);
  }

  get refused(): readonly Rejection[] {
    return [...this.#refused.values()];
  }

  /**
   * A response was refused that was to bring these resources; `held` is what the proxy had before, as far as that must be sent
   * again. Answers the names that are known to be innocent of it and go out again at once.
   */
  nacked(
    suspects: readonly Resource[],
    message: string,
    at: number,
    held: (name: string) => Resource | undefined,
  ): readonly string[] {
    for (const { name } of suspects) if (!this.#before.has(name)) this.#before.set(name, held(name));
    const named = mentioned(suspects, message);
    this.#left -= 1;
    if (named.length > 0 || suspects.length === 1 || this.#left <= 0) {
      const bad = new Set(named.length > 0 ? named : suspects);
      for (const { name, version } of bad) this.#refused.set(name, { name, version, message, at });
      return suspects.filter((resource) => !bad.has(resource)).map(({ name }) => name);
    }
    const names = suspects.map(({ name }) => name);
    const middle = Math.ceil(names.length / 2);
    this.#trials.unshift(new Set(names.slice(0, middle)), new Set(names.slice(middle)));
    return [];
  }

  /** The next group to be sent by itself. */
  next(): Iterable<string> | undefined {
    return this.#trials.shift();
  }

  /** A response was accepted, and with it these resources. */
  accepted(resources: readonly Resource[]): void {
    for (const { name, version } of resources) {
      if (this.#refused.has(name) && this.#before.get(name)?.version !== version) this.#refused.delete(name);
      if (!this.#refused.has(name) && !this.#doubts(name)) this.#before.delete(name);
    }
    if (!this.trying) this.#left = mostTrials;
  }

  /** Whether a resource must not be sent as it is now: it was refused so, or waits for its trial. */
  withholds({ name, version }: Resource): boolean {
    return this.#refused.get(name)?.version === version || this.#doubts(name);
  }

  /** What stands under a withheld name where the whole state is sent: what the proxy had, if anything. */
  instead(name: string): Resource | undefined {
    return this.#before.get(name);
  }

  #doubts(name: string): boolean {
    return this.#trials.some((names) => names.has(name));
  }
}
