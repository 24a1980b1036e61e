// Time as xds/ sees it: handed in, so that tests of windows and time-outs wait for nothing.

export interface Clock {
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  /** Runs after the current work and what it already queued. */
  soon(work: () => void): void;
  /** Runs after `ms`; the result calls it off. */
  after(ms: number, work: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  soon: (work) => void setImmediate(work),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
