// CORS: answers preflight requests of origins that a route allows.

import { CorsPolicySchema, type CorsPolicy } from '../../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { headerValue, methodOf, type Headers } from '../headers.ts';
import { fraction, listed, note } from '../passage.ts';
import { originsOf } from '../origins.ts';
import { stringMatches, stringWanted } from '../string-match.ts';
import { typedConfig } from '../typed-config.ts';
import { answer, unwrapped, type HttpFilter } from './exchange.ts';

export const cors: HttpFilter = ({ exchange, name, own }) => {
  const { passage, headers, route } = exchange;
  const policy = typedConfig(CorsPolicySchema, unwrapped(own));
  if (policy === undefined || !isOn(policy)) return undefined;
  const asked = originOf(policy, headers);
  if (asked === undefined) return undefined;
  const { origin, allowed } = asked;
  const origins = originsOf(route?.metadata, passage.locate);
  const preflight = asksFirst(headers);
  if (!allowed) {
    const refused = preflight && policy.forwardNotMatchingPreflights === false;
    note(passage, {
      kind: 'filter',
      name,
      origins,
      text: `origin ${origin} is not allowed${preflight && !refused ? ': the preflight request goes on' : ''}`,
      effect: refused ? 'ends' : 'passes',
    });
    return refused ? answer(200, '', 'cors_response') : undefined;
  }
  if (!preflight) {
    note(passage, { kind: 'filter', name, origins, text: `origin ${origin} is allowed: the response says so` });
    return undefined;
  }
  note(passage, { kind: 'filter', name, origins, text: `the preflight request of ${origin} is answered here`, effect: 'ends' });
  return answer(200, '', 'cors_response', { headers: preflightHeaders(policy, origin) });
};

interface Origin {
  readonly origin: string;
  readonly allowed: boolean;
}

function originOf({ allowOriginStringMatch: allowed }: CorsPolicy, headers: Headers): Origin | undefined {
  const { doubt } = headers;
  const origin = headerValue(headers, 'origin');
  if (origin === undefined) {
    if (doubt?.holds('header origin') !== true) return undefined;
    const wanted = listed(allowed.map(stringWanted), 'or');
    return { origin: `of ${wanted}`, allowed: doubt.holds(`header origin ${wanted}`) };
  }
  // What takes an asterisk takes everything.
  return { origin, allowed: allowed.some((each) => stringMatches(each, '*') || stringMatches(each, origin)) };
}

const asksFirst = (headers: Headers): boolean =>
  methodOf(headers) === 'OPTIONS' &&
  (headerValue(headers, requestMethod) !== undefined || headers.doubt?.holds(`header ${requestMethod}`) === true);

const requestMethod = 'access-control-request-method';

const isOn = ({ filterEnabled }: CorsPolicy): boolean => filterEnabled === undefined || fraction(filterEnabled.defaultValue) > 0;

const preflightHeaders = (policy: CorsPolicy, origin: string): (readonly [string, string])[] => {
  const given: readonly (readonly [string, string])[] = [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', policy.allowCredentials === true ? 'true' : ''],
    ['access-control-allow-methods', policy.allowMethods],
    ['access-control-allow-headers', policy.allowHeaders],
    ['access-control-max-age', policy.maxAge],
    ['access-control-expose-headers', policy.exposeHeaders],
  ];
  return given.filter(([, value]) => value !== '');
};
