// Rules for the faults that a VirtualService injects.

import { grpcStatusNumber } from '../lib/grpc-status.ts';
import { error, warning } from './finding.ts';
import type { Finding } from './kind.ts';
import type { Path } from './object.ts';
import { checkDuration } from './shared/values.ts';
import type { HTTPFaultInjection } from './virtual-service-http.ts';

export function checkFault(fault: HTTPFaultInjection | undefined, path: Path): Finding[] {
  if (fault === undefined) return [];
  if (fault.abort === undefined && fault.delay === undefined) {
    return [error('LAT1113', path, 'the fault does nothing', 'give it delay, abort or both')];
  }
  return [...checkAbort(fault.abort, [...path, 'abort']), ...checkDelay(fault.delay, [...path, 'delay'])];
}

function checkAbort(abort: HTTPFaultInjection['abort'], path: Path): Finding[] {
  if (abort === undefined) return [];
  const { httpStatus, grpcStatus, http2Error } = abort;
  if (http2Error !== undefined)
    return [error('LAT1113', [...path, 'http2Error'], 'is not implemented', 'use httpStatus or grpcStatus')];
  if (httpStatus !== undefined && grpcStatus !== undefined) {
    return [error('LAT1113', path, 'httpStatus and grpcStatus exclude each other', 'keep one of them')];
  }
  if (httpStatus === undefined && grpcStatus === undefined) {
    return [error('LAT1113', path, 'does not say how to abort', 'give httpStatus or grpcStatus')];
  }
  if (httpStatus !== undefined && (httpStatus < 200 || httpStatus > 599)) {
    return [error('LAT1113', [...path, 'httpStatus'], `${httpStatus} is not a status to abort with`, 'use 200 to 599')];
  }
  if (grpcStatus !== undefined && grpcStatusNumber(grpcStatus) === undefined) {
    return [
      error(
        'LAT1113',
        [...path, 'grpcStatus'],
        `${JSON.stringify(grpcStatus)} is not a gRPC status`,
        'use a name such as UNAVAILABLE',
      ),
    ];
  }
  return [];
}

function checkDelay(delay: HTTPFaultInjection['delay'], path: Path): Finding[] {
  if (delay === undefined) return [];
  if (delay.exponentialDelay !== undefined) {
    return [warning('LAT1114', [...path, 'exponentialDelay'], 'is not implemented and has no effect', 'use fixedDelay')];
  }
  if (delay.fixedDelay === undefined) return [error('LAT1113', path, 'does not say how long', 'give fixedDelay')];
  return checkDuration(delay.fixedDelay, [...path, 'fixedDelay']);
}
