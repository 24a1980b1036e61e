// Fault injection: delays and aborts, for a share of requests.

import { HTTPFaultSchema, type HTTPFault } from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { headerMatches } from '../header-match.ts';
import { headerValue, isGrpc } from '../headers.ts';
import { milliseconds, timeText } from '../milliseconds.ts';
import { fraction, note, percentText } from '../passage.ts';
import { originsOf } from '../origins.ts';
import { answer, effective, type Exchange, type HttpFilter } from './exchange.ts';

export const fault: HttpFilter = (call) => {
  const { exchange, name } = call;
  const { passage, headers, route } = exchange;
  const config = effective(HTTPFaultSchema, call);
  if (config === undefined || (config.delay === undefined && config.abort === undefined)) return undefined;
  if (!config.headers.every((each) => headerMatches(each, headers)) || !concerns(config, exchange)) return undefined;
  const origins = originsOf(route?.metadata, passage.locate);
  const delay = delayOf(config, exchange);
  if (delay !== undefined && passage.chance.happens(delay.share)) {
    passage.delayed = true;
    note(passage, { kind: 'filter', name, origins, text: `a fault delays ${shareText(delay.share)} by ${timeText(delay.time)}` });
  }
  const abort = abortOf(config, exchange);
  if (abort === undefined) return undefined;
  if (!passage.chance.happens(abort.share)) {
    if (abort.share > 0)
      note(passage, {
        kind: 'filter',
        name,
        origins,
        text: `a fault answers ${percentText(abort.share)} of requests with ${abort.status}, not this one`,
      });
    return undefined;
  }
  note(passage, {
    kind: 'filter',
    name,
    origins,
    text: `a fault answers ${shareText(abort.share)} with ${abort.status}`,
    effect: 'ends',
  });
  const grpcStatus =
    abort.grpcStatus !== undefined && isGrpc(headers) ? [['grpc-status', String(abort.grpcStatus)] as const] : [];
  return answer(abort.status, 'FI', 'fault_filter_abort', { body: 'fault filter abort', headers: grpcStatus });
};

const shareText = (share: number): string => (share >= 1 ? 'every request' : `${percentText(share)} of requests`);

/** A fault may be for requests to one cluster only. */
function concerns({ upstreamCluster }: HTTPFault, { route }: Exchange): boolean {
  if (upstreamCluster === '') return true;
  const specifier = route?.action.case === 'route' ? route.action.value.clusterSpecifier : undefined;
  return specifier?.case === 'cluster' && specifier.value === upstreamCluster;
}

function delayOf({ delay }: HTTPFault, { headers }: Exchange): { readonly time: number; readonly share: number } | undefined {
  if (delay === undefined) return undefined;
  const share = fraction(delay.percentage);
  if (delay.faultDelaySecifier.case === 'fixedDelay') return { time: milliseconds(delay.faultDelaySecifier.value) ?? 0, share };
  const asked = Number(headerValue(headers, 'x-envoy-fault-delay-request') ?? Number.NaN);
  return Number.isNaN(asked) ? undefined : { time: asked, share };
}

interface Abort {
  readonly status: number;
  readonly grpcStatus?: number;
  readonly share: number;
}

function abortOf({ abort }: HTTPFault, { headers }: Exchange): Abort | undefined {
  if (abort === undefined) return undefined;
  const share = fraction(abort.percentage);
  switch (abort.errorType.case) {
    case 'httpStatus':
      return { status: abort.errorType.value, share };
    case 'grpcStatus':
      // gRPC's failures travel in a trailer of an HTTP success.
      return { status: 200, grpcStatus: abort.errorType.value, share };
    default: {
      const asked = Number(headerValue(headers, 'x-envoy-fault-abort-request') ?? Number.NaN);
      return Number.isNaN(asked) ? undefined : { status: asked, share };
    }
  }
}
