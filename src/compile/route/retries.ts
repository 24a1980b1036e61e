// When a failed request is tried again, and where → Envoy's retry policy (istio.md §3.7).

import type { RetryPolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { PreviousHostsPredicateSchema } from '../../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { PreviousPrioritiesConfigSchema } from '../../../gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';
import type { HTTPRetry } from '../../api/shared/http-retry.ts';
import { any, type Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Retries } from '../../mesh/route.ts';

type RetryPolicy = Init<typeof RetryPolicySchema>;

const defaultRetryOn = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

/**
 * A rule's retries, else the mesh's, else Istio's default: two more attempts, on other hosts where it can, when the request
 * cannot have been acted upon (istio.md §3.7). Zero attempts: none.
 */
export function retryPolicyOf(rule: Retries | undefined, mesh: HTTPRetry | undefined, hashed: boolean): RetryPolicy | undefined {
  const wanted: Retries | undefined =
    rule ??
    (mesh && {
      attempts: mesh.attempts ?? 0,
      perTryTimeout: mesh.perTryTimeout === undefined ? undefined : milliseconds(mesh.perTryTimeout),
      retryOn: mesh.retryOn ?? '',
      retryRemoteLocalities: mesh.retryRemoteLocalities ?? false,
      retryIgnorePreviousHosts: mesh.retryIgnorePreviousHosts,
      backoff: mesh.backoff === undefined ? undefined : milliseconds(mesh.backoff),
    });
  const attempts = wanted?.attempts ?? 2;
  if (attempts <= 0) return undefined;
  const { conditions, codes } = splitRetryOn(wanted?.retryOn || defaultRetryOn);
  const avoidsHosts = wanted?.retryIgnorePreviousHosts ?? !hashed;
  return {
    numRetries: attempts,
    retryOn: conditions,
    ...(codes.length > 0 && { retriableStatusCodes: codes }),
    ...(wanted?.perTryTimeout && { perTryTimeout: duration(wanted.perTryTimeout) }),
    ...(wanted?.backoff && { retryBackOff: { baseInterval: duration(wanted.backoff) } }),
    ...(avoidsHosts && {
      retryHostPredicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          configType: { case: 'typedConfig' as const, value: any(PreviousHostsPredicateSchema, {}) },
        },
      ],
    }),
    hostSelectionRetryMaxAttempts: 5n,
    ...(wanted?.retryRemoteLocalities && {
      retryPriority: {
        name: 'envoy.retry_priorities.previous_priorities',
        configType: { case: 'typedConfig' as const, value: any(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }) },
      },
    }),
  };
}

/** Status codes stand among the conditions of `retryOn`; Envoy wants them apart. */
function splitRetryOn(text: string): { conditions: string; codes: number[] } {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);
  const codes = words.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const conditions = words.filter((word) => !/^\d+$/.test(word));
  if (codes.length > 0 && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes');
  return { conditions: conditions.join(','), codes };
}
