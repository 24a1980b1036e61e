// A probe's state over time: when to ask, and how many answers in a row change its verdict. The asking itself is probe-check.ts.

import type { Clock, Timer } from './clock.ts';
import type { ProbeSpec } from './kubernetes.ts';

/** Undefined is success; text says what went wrong. */
export type ProbeCheck = (timeoutMs: number) => Promise<string | undefined>;

export interface ProbeOptions {
  readonly spec: ProbeSpec;
  readonly check: ProbeCheck;
  readonly clock: Clock;
  /** Also ask between the periods until the first success, so that a quick start is not kept waiting; such failures do not count. */
  readonly eager?: boolean;
  /** Called at each change of verdict, with the last failure's text when it became false. */
  readonly changed: (passing: boolean, failure?: string) => void;
}

const eagerPeriodMs = 250;

/** Asks at Kubernetes' times and thresholds until disposed. The verdict starts as unknown, so the first one is always told. */
export class Probe implements Disposable {
  readonly #options: ProbeOptions;
  readonly #periodMs: number;
  #passing: boolean | undefined;
  #successes = 0;
  #failures = 0;
  #countedAt = -Infinity;
  #timer: Timer | undefined;
  #over = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#periodMs = (options.spec.periodSeconds ?? 10) * 1000;
  }

  start(): void {
    this.#schedule((this.#options.spec.initialDelaySeconds ?? 0) * 1000);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    if (!this.#over) this.#timer = this.#options.clock.after(ms, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const { spec, check, clock } = this.#options;
    const began = clock.now();
    let failure: string | undefined;
    try {
      failure = await check((spec.timeoutSeconds ?? 1) * 1000);
    } catch (error) {
      failure = (error as Error).message;
    }
    if (this.#over) return;
    if (failure === undefined) this.#succeeded();
    else if (!this.#impatient() || began - this.#countedAt >= this.#periodMs) {
      this.#countedAt = began;
      this.#failed(failure);
    }
    const period = this.#impatient() ? Math.min(this.#periodMs, eagerPeriodMs) : this.#periodMs;
    this.#schedule(Math.max(0, period - (clock.now() - began)));
  }

  #impatient(): boolean {
    return this.#options.eager === true && this.#passing !== true;
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#successes++;
    if (this.#passing !== true && this.#successes >= (this.#options.spec.successThreshold ?? 1)) this.#turn(true);
  }

  #failed(failure: string): void {
    this.#successes = 0;
    this.#failures++;
    if (this.#passing !== false && this.#failures >= (this.#options.spec.failureThreshold ?? 3)) this.#turn(false, failure);
  }

  #turn(passing: boolean, failure?: string): void {
    this.#passing = passing;
    this.#options.changed(passing, failure);
  }
}
