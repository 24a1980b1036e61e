// How often and when a failed request is tried again: in HTTP routes, and as the mesh's default.

import type { Static } from 'typebox';
import { bool, count, duration, message, text } from '../schema.ts';

export const HTTPRetry = message(
  {},
  {
    attempts: count,
    perTryTimeout: duration,
    retryOn: text,
    retryRemoteLocalities: bool,
    retryIgnorePreviousHosts: bool,
    backoff: duration,
  },
);
export type HTTPRetry = Static<typeof HTTPRetry>;
