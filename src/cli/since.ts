// `--since 10m`: how far back a verb looks.

import { milliseconds } from '../lib/duration.ts';
import { usageFailure } from './failure.ts';

/** The moment that is so long ago, in milliseconds of Unix time. */
export function sinceOf(text: string): number {
  const time = milliseconds(text);
  if (Number.isNaN(time)) throw usageFailure(`--since ${text} is no duration`, 'write it as 10m or 1h30m');
  return Math.floor(Date.now() - time);
}
