// Tokens: which issuer a route asks for, and what later filters learn of the caller. Signatures are taken to be right.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
  type JwtAuthentication,
  type JwtProvider,
  type JwtRequirement,
} from '../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import { headerValue } from '../headers.ts';
import { listed, note } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';
import { answer, unwrapped, type Exchange, type HttpFilter } from './exchange.ts';
import { routeMatches } from '../route-match.ts';

type Result =
  | { readonly ok: true; readonly provider?: string }
  | { readonly ok: false; readonly why: keyof typeof refusals; readonly wanted: string };

const refusals = {
  missing: { status: 401, body: 'Jwt is missing', text: (wanted: string) => `no token, and one of ${wanted} is required` },
  refused: { status: 401, body: 'Jwt issuer is not configured', text: (wanted: string) => `the token is not one of ${wanted}` },
  audience: {
    status: 403,
    body: 'Audiences in Jwt are not allowed',
    text: (wanted: string) => `the token of ${wanted} is for another audience`,
  },
} as const;

/** Where claims are noted, whatever the filter's instance is called. */
const metadataName = 'envoy.filters.http.jwt_authn';

export const jwt: HttpFilter = ({ exchange, name, config, own }) => {
  const { passage, headers } = exchange;
  const said = typedConfig(JwtAuthenticationSchema, config);
  if (said === undefined) return undefined;
  const requirement = requirementOf(said, typedConfig(PerRouteConfigSchema, unwrapped(own)), exchange);
  if (requirement === undefined) return undefined;
  const { request } = passage;
  const claims = request.kind === 'http' ? request.claims : undefined;
  const result = check(requirement, said, claims, headerValue(headers, 'authorization') !== undefined);
  if (!result.ok) {
    const { status, body, text } = refusals[result.why];
    note(passage, { kind: 'filter', name, text: text(result.wanted), effect: 'ends' });
    return answer(status, 'UAEX', `jwt_authn_access_denied{${body.replaceAll(' ', '_')}}`, { body });
  }
  const provider = result.provider === undefined ? undefined : said.providers[result.provider];
  if (provider === undefined || claims === undefined) {
    note(passage, { kind: 'filter', name, text: 'no token is required here' });
    return undefined;
  }
  if (provider.payloadInMetadata !== '') {
    passage.metadata.set(metadataName, {
      ...passage.metadata.get(metadataName),
      [provider.payloadInMetadata]: claims as JsonObject,
    });
  }
  for (const { headerName, claimName } of provider.claimToHeaders) {
    const value = claimAt(claims, claimName);
    if (value !== undefined)
      headers.set(headerName.toLowerCase(), [typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  }
  if (!provider.forward) headers.delete('authorization');
  note(passage, {
    kind: 'filter',
    name,
    text: `the token of ${provider.issuer || result.provider} is accepted`,
    details: ['its signature is taken to be right'],
  });
  return undefined;
};

function requirementOf(
  said: JwtAuthentication,
  route: ReturnType<typeof typedConfig<typeof PerRouteConfigSchema>>,
  { headers, passage }: Exchange,
): JwtRequirement | undefined {
  if (route?.requirementSpecifier.case === 'disabled') return undefined;
  if (route?.requirementSpecifier.case === 'requirementName') return said.requirementMap[route.requirementSpecifier.value];
  const rule = said.rules.find(({ match }) => routeMatches(match, headers, passage));
  if (rule?.requirementType.case === 'requires') return rule.requirementType.value;
  return rule?.requirementType.case === 'requirementName' ? said.requirementMap[rule.requirementType.value] : undefined;
}

type Claims = Readonly<Record<string, unknown>>;

function check({ requiresType }: JwtRequirement, said: JwtAuthentication, claims: Claims | undefined, sent: boolean): Result {
  const byProvider = (name: string, audiences: readonly string[]): Result => {
    const provider = said.providers[name];
    const wanted = provider?.issuer || name;
    if (claims === undefined) return { ok: false, why: sent ? 'refused' : 'missing', wanted };
    if (provider === undefined || !isFrom(provider, claims)) return { ok: false, why: 'refused', wanted };
    return isFor(provider, claims, audiences) ? { ok: true, provider: name } : { ok: false, why: 'audience', wanted };
  };
  switch (requiresType.case) {
    case 'providerName':
      return byProvider(requiresType.value, []);
    case 'providerAndAudiences':
      return byProvider(requiresType.value.providerName, requiresType.value.audiences);
    case 'requiresAny': {
      const results = requiresType.value.requirements.map((each) => check(each, said, claims, sent));
      const good = results.find((each) => each.ok);
      if (good !== undefined) return good;
      const wanted = listed(
        results.flatMap((each) => (each.ok ? [] : [each.wanted])),
        'or',
      );
      return { ok: false, why: claims === undefined && !sent ? 'missing' : 'refused', wanted };
    }
    case 'requiresAll': {
      const results = requiresType.value.requirements.map((each) => check(each, said, claims, sent));
      return results.find((each) => !each.ok) ?? results[0] ?? { ok: true };
    }
    case 'allowMissingOrFailed':
      return anyProvider(said, claims) ?? { ok: true };
    case 'allowMissing':
      if (claims === undefined && !sent) return { ok: true };
      return (
        anyProvider(said, claims) ?? {
          ok: false,
          why: 'refused',
          wanted: listed(
            Object.values(said.providers).map(({ issuer }) => issuer),
            'or',
          ),
        }
      );
    case undefined:
      return { ok: true };
  }
}

function anyProvider(said: JwtAuthentication, claims: Claims | undefined): Result | undefined {
  if (claims === undefined) return undefined;
  const found = Object.entries(said.providers).find(([, provider]) => isFrom(provider, claims) && isFor(provider, claims, []));
  return found && { ok: true, provider: found[0] };
}

const isFrom = ({ issuer }: JwtProvider, claims: Claims): boolean => issuer === '' || claims['iss'] === issuer;

/** A requirement may name audiences of its own. */
function isFor(provider: JwtProvider, claims: Claims, audiences: readonly string[]): boolean {
  const wanted = audiences.length > 0 ? audiences : provider.audiences;
  const has = [claims['aud']].flat().map(String);
  return wanted.length === 0 || wanted.some((each) => has.includes(each));
}

function claimAt(claims: Claims, path: string): JsonValue | undefined {
  let place: unknown = claims;
  for (const step of path.split('.')) place = typeof place === 'object' && place !== null ? Reflect.get(place, step) : undefined;
  return place as JsonValue | undefined;
}
