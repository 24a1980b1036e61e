// When changes go out: the first at once, a burst in windows that grow, so that churn costs windows and not changes.

import type { Clock } from './clock.ts';

/** Windows after a change that follows another closely, in milliseconds; the last one repeats. */
const windows = [0, 10, 50];
/** After this much silence the next change is a first one again. */
const quietMs = 100;

/** Calls `run` some time after `touch`, once for all touches until then, with the time of the first of them. */
export class Pulse {
  readonly #clock: Clock;
  readonly #run: (changedAt: number) => void;
  #touchedAt: number | undefined;
  #ranAt = -Infinity;
  #window = 0;

  constructor(clock: Clock, run: (changedAt: number) => void) {
    this.#clock = clock;
    this.#run = run;
  }

  touch(): void {
    if (this.#touchedAt !== undefined) return;
    const now = this.#clock.now();
    this.#touchedAt = now;
    const sinceRun = now - this.#ranAt;
    this.#window = sinceRun >= quietMs ? 0 : Math.min(this.#window + 1, windows.length - 1);
    const wait = (windows[this.#window] ?? 0) - sinceRun;
    if (wait <= 0) this.#clock.soon(() => this.#fire());
    else this.#clock.after(wait, () => this.#fire());
  }

  #fire(): void {
    const changedAt = this.#touchedAt ?? this.#clock.now();
    this.#touchedAt = undefined;
    this.#ranAt = this.#clock.now();
    this.#run(changedAt);
  }
}
