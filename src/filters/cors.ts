// CORS (envoy.filters.http.cors): answers preflight requests for the routes that have a policy.

import { CorsPolicySchema, CorsSchema } from '../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import type { Cors } from '../mesh/route.ts';
import { any, type Init } from './any.ts';
import type { HttpFilter } from './filter.ts';
import { stringMatcher } from './matcher.ts';

const name = 'envoy.filters.http.cors';

export const cors: HttpFilter = {
  name,
  wanted: ({ role }) => role !== 'inbound',
  chain: () => [{ name, config: any(CorsSchema, {}) }],
  route: (rule) => rule.cors && any(CorsPolicySchema, policy(rule.cors)),
};

function policy(cors: Cors): Init<typeof CorsPolicySchema> {
  return {
    allowOriginStringMatch: cors.allowOrigins.map(stringMatcher),
    allowMethods: cors.allowMethods.join(','),
    allowHeaders: cors.allowHeaders.join(','),
    exposeHeaders: cors.exposeHeaders.join(','),
    ...(cors.maxAge !== undefined && { maxAge: String(Math.trunc(cors.maxAge / 1000)) }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    filterEnabled: { defaultValue: { numerator: 100 } },
    forwardNotMatchingPreflights: cors.forwardUnmatchedPreflights,
  };
}
