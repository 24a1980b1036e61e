// Time as the platform uses it, so that tests can turn it by hand.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs later, unless cancelled first. */
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
