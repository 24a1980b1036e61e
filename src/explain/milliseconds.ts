// Protobuf's durations as milliseconds.

import type { Duration } from '@bufbuild/protobuf/wkt';

export const milliseconds = (duration: Duration | undefined): number | undefined =>
  duration === undefined ? undefined : Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;

/** `3 s`, `250 ms`, `2 min`. */
export function timeText(time: number): string {
  if (time >= 60_000 && time % 60_000 === 0) return `${time / 60_000} min`;
  return time >= 1000 ? `${time / 1000} s` : `${time} ms`;
}
