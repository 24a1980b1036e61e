// Durations as Istio's and the Gateway API's YAML write them (`1.5s`, `100ms`, `1h30m`), turned into numbers.

const part = String.raw`(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)`;

/** What a duration looks like: Go's notation without a sign. */
export const durationPattern = `^(?:0|(?:${part})+)$`;

const whole = new RegExp(durationPattern);
const parts = /([0-9.]+)(ns|us|µs|μs|ms|s|m|h)/g;

const millisecondsOf: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration in milliseconds, to the nanosecond; NaN for text that is no duration. */
export function milliseconds(duration: string): number {
  if (!whole.test(duration)) return Number.NaN;
  let sum = 0;
  for (const [, amount, unit = 'ms'] of duration.matchAll(parts)) sum += Number(amount) * (millisecondsOf[unit] ?? Number.NaN);
  // Whole nanoseconds: 0.1s must not become 100.00000000000001.
  return Math.round(sum * 1e6) / 1e6;
}

/** A duration in seconds; NaN for text that is no duration. */
export const seconds = (duration: string): number => milliseconds(duration) / 1000;
