// Filters that ask somebody else (external authorization, global rate limits) or keep count (local rate limits): what decides is not in
// the configuration, so it is said who is asked.

import { ExtAuthzPerRouteSchema, ExtAuthzSchema } from '../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import type { GrpcService } from '../../../gen/envoy/config/core/v3/grpc_service_pb.js';
import { LocalRateLimitSchema } from '../../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js';
import { RateLimitSchema } from '../../../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js';
import { milliseconds, timeText } from '../milliseconds.ts';
import { fraction, note, percentText } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';
import { effective, unwrapped, type HttpFilter } from './exchange.ts';

export const externalAuthorization: HttpFilter = ({ exchange, name, config, own }) => {
  const { passage } = exchange;
  const route = typedConfig(ExtAuthzPerRouteSchema, unwrapped(own))?.override;
  if (route?.case === 'disabled' && route.value) {
    note(passage, { kind: 'filter', name, text: 'external authorization is switched off for this route' });
    return undefined;
  }
  const said = typedConfig(ExtAuthzSchema, config);
  if (said === undefined) return undefined;
  const who = said.services.case === 'httpService' ? (said.services.value.serverUri?.uri ?? '') : targetOf(said.services.value);
  note(passage, {
    kind: 'filter',
    name,
    text: `asks ${who || 'an external service'} whether the request may pass`,
    details: [
      said.failureModeAllow
        ? 'without an answer it passes'
        : `without an answer it is refused with ${said.statusOnError?.code ?? 403}`,
    ],
    effect: 'unknown',
  });
  passage.missing.add(`What ${who || 'the external authorization'} answers is not known: it is taken to let the request pass.`);
  return undefined;
};

export const targetOf = (service: GrpcService | undefined): string => {
  const target = service?.targetSpecifier;
  return target?.case === 'envoyGrpc' ? target.value.clusterName : target?.case === 'googleGrpc' ? target.value.targetUri : '';
};

export const globalRateLimit: HttpFilter = (call) => {
  const said = effective(RateLimitSchema, call);
  if (said === undefined) return undefined;
  const { passage, route, host } = call.exchange;
  const limits = (route?.action.case === 'route' ? route.action.value.rateLimits.length : 0) + (host?.rateLimits.length ?? 0);
  if (limits === 0) return undefined;
  note(passage, {
    kind: 'filter',
    name: call.name,
    text: `asks ${targetOf(said.rateLimitService?.grpcService) || 'the rate limit service'} whether ${said.domain} is within its limits; if not, 429`,
    details: [said.failureModeDeny ? 'without an answer it is refused' : 'without an answer it passes'],
    effect: 'unknown',
  });
  return undefined;
};

export const localRateLimit: HttpFilter = (call) => {
  const said = effective(LocalRateLimitSchema, call);
  if (said === undefined || said.tokenBucket === undefined) return undefined;
  const { maxTokens, tokensPerFill, fillInterval } = said.tokenBucket;
  const enforced = fraction(said.filterEnforced?.defaultValue);
  const enabled = fraction(said.filterEnabled?.defaultValue);
  if (enabled === 0) return undefined;
  const share = enabled * enforced;
  note(call.exchange.passage, {
    kind: 'filter',
    name: call.name,
    text: `counts: ${tokensPerFill ?? 1} requests each ${timeText(milliseconds(fillInterval) ?? 0)}, ${maxTokens} at once; what is above gets ${said.status?.code ?? 429}`,
    details: share < 1 ? [`this holds for ${percentText(share)} of requests`] : [],
    effect: 'unknown',
  });
  return undefined;
};
