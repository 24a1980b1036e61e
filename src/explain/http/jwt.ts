// Tokens: which issuer a route asks for, and what later filters learn of the caller. Signatures are taken to be right.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema,
  type JwtAuthentication,
  type JwtProvider,
  type JwtRequirement,
} from '../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import type { Doubt } from '../doubt.ts';
import { headerValue } from '../headers.ts';
import { listed, note } from '../passage.ts';
import { doubtOf } from '../request.ts';
import { typedConfig } from '../typed-config.ts';
import { answer, unwrapped, type Exchange, type HttpFilter } from './exchange.ts';
import { routeMatches } from '../route-match.ts';
import { claimsMetadata } from '../value-match.ts';

type Result =
  | { readonly ok: true; readonly from?: string }
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

export const jwt: HttpFilter = ({ exchange, name, config, own }) => {
  const { passage, headers } = exchange;
  const said = typedConfig(JwtAuthenticationSchema, config);
  if (said === undefined) return undefined;
  const requirement = requirementOf(said, typedConfig(PerRouteConfigSchema, unwrapped(own)), exchange);
  if (requirement === undefined) return undefined;
  const { request } = passage;
  const claims = request.kind === 'http' && passage.tokenTaken !== true ? request.claims : undefined;
  const sent = claims !== undefined || headerValue(headers, 'authorization') !== undefined;
  const result = check(requirement, { said, exchange, token: { claims, sent, doubt: sent ? undefined : doubtOf(request) } });
  if (!result.ok) {
    const { status, body, text } = refusals[result.why];
    note(passage, { kind: 'filter', name, text: text(result.wanted), effect: 'ends' });
    return answer(status, '', `jwt_authn_access_denied{${body.replaceAll(' ', '_')}}`, { body });
  }
  if (result.from === undefined) note(passage, { kind: 'filter', name, text: 'no token is required here' });
  else
    note(passage, {
      kind: 'filter',
      name,
      text: `the token of ${result.from} is accepted`,
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

interface Check {
  readonly said: JwtAuthentication;
  readonly exchange: Exchange;
  /** What of it is still there: whoever accepts a token may take it away. */
  readonly token: { claims: Claims | undefined; sent: boolean; doubt: Doubt | undefined };
}

function check({ requiresType }: JwtRequirement, checked: Check): Result {
  const all = Object.keys(checked.said.providers);
  switch (requiresType.case) {
    case 'providerName':
      return byProviders([requiresType.value], [], checked);
    case 'providerAndAudiences':
      return byProviders([requiresType.value.providerName], requiresType.value.audiences, checked);
    case 'requiresAny':
      return anyOf(requiresType.value.requirements, checked);
    case 'requiresAll': {
      let last: Result = { ok: true };
      for (const each of requiresType.value.requirements) {
        const result = check(each, checked);
        if (!result.ok) return result;
        last = result.from === undefined ? last : result;
      }
      return last;
    }
    case 'allowMissingOrFailed':
      return leniently(byProviders(all, [], checked), true);
    case 'allowMissing':
      return leniently(byProviders(all, [], checked), false);
    case undefined:
      return { ok: true };
  }
}

/** What may be missing comes last, and is asked of the issuers that the others name. */
function anyOf(requirements: readonly JwtRequirement[], checked: Check): Result {
  const lenient = requirements.filter(
    ({ requiresType: { case: kind } }) => kind === 'allowMissing' || kind === 'allowMissingOrFailed',
  );
  const results: Extract<Result, { ok: false }>[] = [];
  for (const each of requirements) {
    if (lenient.includes(each)) continue;
    const result = check(each, checked);
    if (result.ok) return result;
    results.push(result);
  }
  if (lenient.length > 0) {
    const named = requirements.flatMap(({ requiresType: { case: kind, value } }) =>
      kind === 'providerName' ? [value] : kind === 'providerAndAudiences' ? [value.providerName] : [],
    );
    const names = named.length > 0 ? named : Object.keys(checked.said.providers);
    const failed = lenient.some(({ requiresType }) => requiresType.case === 'allowMissingOrFailed');
    const result = leniently(byProviders(names, [], checked), failed);
    if (result.ok) return result;
    results.push(result);
  }
  const telling = (['audience', 'refused'] as const).find((why) => results.some((each) => each.why === why)) ?? 'missing';
  const wanted = [...new Set(results.map((each) => each.wanted))];
  return { ok: false, why: telling, wanted: listed(wanted, 'or') };
}

/** Without a token, or with one that does not hold where that is allowed too. */
const leniently = (result: Result, failed: boolean): Result =>
  result.ok || (result.why !== 'missing' && !failed) ? result : { ok: true };

/** Whether the token is of one of these; what they make of it is in the headers and the metadata then, and nothing that callers write there. */
function byProviders(names: readonly string[], audiences: readonly string[], { said, exchange, token }: Check): Result {
  const providers = names.flatMap((name) => said.providers[name] ?? []);
  for (const { claimToHeaders, forwardPayloadHeader } of providers) {
    for (const name of [...claimToHeaders.map(({ headerName }) => headerName), forwardPayloadHeader])
      exchange.headers.delete(name.toLowerCase());
  }
  const wanted = listed(
    providers.map(({ issuer }, index) => issuer || (names[index] ?? '')),
    'or',
  );
  const { claims, sent, doubt } = token;
  if (doubt !== undefined) return inDoubt(providers, wanted, { token, exchange }, doubt);
  if (claims === undefined) return { ok: false, why: sent ? 'refused' : 'missing', wanted };
  const provider = providers.find((each) => isFrom(each, claims));
  if (provider === undefined) return { ok: false, why: 'refused', wanted };
  if (!isFor(provider, claims, audiences)) return { ok: false, why: 'audience', wanted };
  accept(provider, claims, exchange);
  if (!provider.forward) {
    Object.assign(token, { claims: undefined, sent: false });
    exchange.passage.tokenTaken = true;
  }
  return { ok: true, from: provider.issuer || (names[providers.indexOf(provider)] ?? '') };
}

/** Nobody wrote down whether there is a token: there is one of these, another, or none. */
function inDoubt(
  providers: readonly JwtProvider[],
  wanted: string,
  { token, exchange: { passage } }: Pick<Check, 'token' | 'exchange'>,
  doubt: Doubt,
): Result {
  const provider = providers.find(({ issuer }) => doubt.holds(`a token of ${issuer || wanted}`));
  if (provider === undefined)
    return { ok: false, why: doubt.holds('a token that is not accepted') ? 'refused' : 'missing', wanted };
  passage.claimsUnsure = true;
  if (!provider.forward) token.doubt = undefined;
  return { ok: true, from: provider.issuer || wanted };
}

function accept(provider: JwtProvider, claims: Claims, { headers, passage }: Exchange): void {
  if (provider.payloadInMetadata !== '') {
    passage.metadata.set(claimsMetadata, {
      ...passage.metadata.get(claimsMetadata),
      [provider.payloadInMetadata]: claims as JsonObject,
    });
  }
  for (const { headerName, claimName } of provider.claimToHeaders) {
    const value = claimAt(claims, claimName);
    if (value !== undefined)
      headers.set(headerName.toLowerCase(), [typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  }
  if (!provider.forward) headers.delete('authorization');
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
