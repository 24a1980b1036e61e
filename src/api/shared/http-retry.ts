// How often and when a failed request is tried again: in HTTP routes, and as the mesh's default.

import type { Static } from 'typebox';
import { milliseconds } from '../../lib/duration.ts';
import { error, warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { bool, count, duration, message, text } from '../schema.ts';
import { checkDuration } from './values.ts';

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

/** Conditions that Envoy's router knows, for HTTP and for gRPC; status codes stand beside them. */
const conditions = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

export function checkRetries(retries: HTTPRetry | undefined, path: Path): Finding[] {
  if (retries === undefined) return [];
  const { attempts, perTryTimeout, retryOn = '', backoff } = retries;
  const findings = [
    ...(perTryTimeout === undefined || milliseconds(perTryTimeout) === 0
      ? []
      : checkDuration(perTryTimeout, [...path, 'perTryTimeout'])),
    ...checkDuration(backoff, [...path, 'backoff']),
  ];
  for (const word of retryOn.split(',').map((part) => part.trim())) {
    if (word === '' || conditions.has(word) || /^[1-5][0-9]{2}$/.test(word)) continue;
    const help = 'use conditions of Envoy such as 5xx or connect-failure, or status codes';
    findings.push(error('LAT1115', [...path, 'retryOn'], `${JSON.stringify(word)} is no condition to retry on`, help));
  }
  if (!attempts && (perTryTimeout !== undefined || retryOn !== '')) {
    findings.push(warning('LAT1116', path, 'without attempts nothing is retried', 'give attempts'));
  }
  return findings;
}
