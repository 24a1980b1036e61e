// A clock that a test moves by hand: what was put off runs when its time is reached, in order.

import type { Clock } from '../../../src/xds/clock.ts';

interface Entry {
  readonly at: number;
  readonly work: () => void;
}

export class ManualClock implements Clock {
  #now = 1_000;
  #due: Entry[] = [];

  now(): number {
    return this.#now;
  }

  soon(work: () => void): void {
    this.after(0, work);
  }

  after(ms: number, work: () => void): () => void {
    const entry = { at: this.#now + ms, work };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((each) => each !== entry);
    };
  }

  /** Lets `ms` pass; without, runs only what is due now. */
  pass(ms = 0): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#due.reduce<Entry | undefined>(
        (first, each) => (each.at <= until && (first === undefined || each.at < first.at) ? each : first),
        undefined,
      );
      if (!next) break;
      this.#due = this.#due.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.work();
    }
    this.#now = until;
  }
}
