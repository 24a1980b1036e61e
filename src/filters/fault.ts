// Fault injection (envoy.filters.http.fault): delays and aborts a share of a route's requests.

import { type FaultAbortSchema, HTTPFaultSchema } from '../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { grpcStatusNumber } from '../lib/grpc-status.ts';
import type { Fault } from '../mesh/route.ts';
import { any, type Init } from './any.ts';
import { duration } from './duration.ts';
import type { HttpFilter } from './filter.ts';
import { percent } from './percent.ts';

const name = 'envoy.filters.http.fault';

export const fault: HttpFilter = {
  name,
  // Always there for callers: a rule that gets a fault must not replace the listener and drain its connections.
  wanted: ({ role }) => role !== 'inbound',
  chain: () => [{ name, config: any(HTTPFaultSchema, {}) }],
  route: (rule) => rule.fault && any(HTTPFaultSchema, policy(rule.fault)),
};

function policy({ delay, abort }: Fault): Init<typeof HTTPFaultSchema> {
  return {
    ...(delay && {
      delay: {
        percentage: percent(delay.percent),
        faultDelaySecifier: { case: 'fixedDelay', value: duration(delay.fixed) },
      },
    }),
    ...(abort && { abort: { percentage: percent(abort.percent), ...abortError(abort) } }),
  };
}

function abortError(abort: NonNullable<Fault['abort']>): Init<typeof FaultAbortSchema> {
  if (abort.grpcStatus !== undefined) {
    return { errorType: { case: 'grpcStatus', value: grpcStatusNumber(abort.grpcStatus) ?? 2 } };
  }
  return { errorType: { case: 'httpStatus', value: abort.httpStatus ?? 500 } };
}
