// Permissions and principals of Envoy's authorization rules: whether they hold for a request, and the first of them that does not.

import type { CidrRange } from '../../gen/envoy/config/core/v3/address_pb.js';
import type { Permission, Policy, Principal } from '../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { PathMatcher } from '../../gen/envoy/type/matcher/v3/path_pb.js';
import { UriTemplateMatchConfigSchema } from '../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { containsIp, parseIpRange } from '../lib/ip-range.ts';
import type { Asked } from './asked.ts';
import type { Doubt } from './doubt.ts';
import { headerMatches, headerGiven, headerWanted } from './header-match.ts';
import { pathOf } from './headers.ts';
import { listed } from './passage.ts';
import { matchTemplate } from './path-template.ts';
import { stringMatches, stringWanted } from './string-match.ts';
import { typedConfig } from './typed-config.ts';
import { claimsMetadata, metadataMatches, metadataWanted } from './value-match.ts';

/** Undefined: it holds; else what it asks for, and what the request has in its place. */
export type Lack = { readonly wanted: string; readonly given: string } | undefined;

/** A rule as a tree of conditions, whichever of the two messages says it. */
type Condition =
  | { readonly kind: 'all' | 'one'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'leaf'; readonly holds: boolean | (() => boolean); readonly wanted: string; readonly given: string };

export interface PolicyVerdict {
  readonly matches: boolean;
  readonly lack: Lack;
  /** It has conditions that cannot be decided here. */
  readonly undecided: boolean;
}

export function policyMatches(policy: Policy, asked: Asked): PolicyVerdict {
  const permissions = { kind: 'one' as const, parts: policy.permissions.map((each) => permission(each, asked)) };
  const principals = { kind: 'one' as const, parts: policy.principals.map((each) => principal(each, asked)) };
  const matches = holds(permissions) && holds(principals);
  // Who asks first: it is what people look for.
  const lack = matches ? undefined : (firstLack(principals) ?? firstLack(permissions));
  return { matches, lack, undecided: policy.condition !== undefined || policy.checkedCondition !== undefined };
}

function holds(condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.parts.every(holds);
    case 'one':
      return condition.parts.some(holds);
    case 'not':
      return !holds(condition.part);
    case 'leaf':
      return typeof condition.holds === 'boolean' ? condition.holds : condition.holds();
  }
}

function firstLack(condition: Condition): Lack {
  if (holds(condition)) return undefined;
  switch (condition.kind) {
    case 'all':
      return condition.parts.map(firstLack).find((lack) => lack !== undefined);
    case 'one': {
      const lacks = condition.parts.flatMap((part) => firstLack(part) ?? []);
      return {
        wanted: listed([...new Set(lacks.map(({ wanted }) => wanted))], 'or'),
        given: lacks[0]?.given ?? 'nothing matches',
      };
    }
    case 'not':
      return { wanted: `not ${words(condition.part)}`, given: given(condition.part) };
    case 'leaf':
      return { wanted: condition.wanted, given: condition.given };
  }
}

function words(condition: Condition): string {
  switch (condition.kind) {
    case 'all':
      return listed(condition.parts.map(words));
    case 'one':
      return listed(condition.parts.map(words), 'or');
    case 'not':
      return `not ${words(condition.part)}`;
    case 'leaf':
      return condition.wanted;
  }
}

function given(condition: Condition): string {
  switch (condition.kind) {
    case 'all':
    case 'one':
      return condition.parts.filter(holds).map(given)[0] ?? '';
    case 'not':
      return given(condition.part);
    case 'leaf':
      return condition.given;
  }
}

const leaf = (held: boolean | (() => boolean), wanted: string, has: string): Condition => ({
  kind: 'leaf',
  holds: held,
  wanted,
  given: has,
});
const always = leaf(true, 'anything', 'anything');
const unknown = (what: string): Condition => leaf(false, `${what}, which is not decided here`, 'not known');

function permission({ rule }: Permission, asked: Asked): Condition {
  switch (rule.case) {
    case 'any':
      return always;
    case 'andRules':
      return { kind: 'all', parts: rule.value.rules.map((each) => permission(each, asked)) };
    case 'orRules':
      return { kind: 'one', parts: rule.value.rules.map((each) => permission(each, asked)) };
    case 'notRule':
      return { kind: 'not', part: permission(rule.value, asked) };
    case 'header':
      return header(rule.value, asked);
    case 'urlPath':
      return path(rule.value, asked);
    case 'uriTemplate': {
      const template = typedConfig(UriTemplateMatchConfigSchema, rule.value.typedConfig)?.pathTemplate;
      if (template === undefined) return unknown(`path condition ${rule.value.name}`);
      const has = asked.headers && pathOf(asked.headers);
      return leaf(has !== undefined && matchTemplate(template, has) !== undefined, `path ${template}`, pathGiven(has));
    }
    case 'destinationIp':
      return range(rule.value, asked.local.address, 'destination address');
    case 'destinationPort':
      return leaf(rule.value === asked.local.port, `port ${rule.value}`, `port ${asked.local.port}`);
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      const { port } = asked.local;
      return leaf(port >= start && port < end, `a port from ${start} to ${end - 1}`, `port ${port}`);
    }
    case 'requestedServerName':
      return leaf(
        stringMatches(rule.value, asked.sni),
        `server name ${stringWanted(rule.value)}`,
        asked.sni === '' ? 'no server name (SNI)' : `server name "${asked.sni}"`,
      );
    case 'metadata':
      return metadata(rule.value, asked);
    case 'matcher':
      return unknown(`condition ${rule.value.name}`);
    case undefined:
      return leaf(false, 'nothing', '');
  }
}

function principal({ identifier }: Principal, asked: Asked): Condition {
  switch (identifier.case) {
    case 'any':
      return always;
    case 'andIds':
      return { kind: 'all', parts: identifier.value.ids.map((each) => principal(each, asked)) };
    case 'orIds':
      return { kind: 'one', parts: identifier.value.ids.map((each) => principal(each, asked)) };
    case 'notId':
      return { kind: 'not', part: principal(identifier.value, asked) };
    case 'authenticated': {
      const { principalName: name } = identifier.value;
      const has = !asked.tls
        ? 'no mutual TLS'
        : asked.identity === undefined
          ? 'no client certificate'
          : `identity ${asked.identity}`;
      if (name === undefined) return leaf(asked.tls, 'TLS', has);
      return leaf(asked.identity !== undefined && stringMatches(name, asked.identity), `identity ${stringWanted(name)}`, has);
    }
    case 'sourceIp':
      return range(identifier.value, asked.remote, 'source address', asked.unsure?.remote);
    case 'directRemoteIp':
      return range(identifier.value, asked.peer, 'source address');
    case 'remoteIp':
      return range(identifier.value, asked.remote, 'caller’s address', asked.unsure?.remote);
    case 'header':
      return header(identifier.value, asked);
    case 'urlPath':
      return path(identifier.value, asked);
    case 'metadata':
      return metadata(identifier.value, asked);
    case 'filterState':
      return filterState(identifier.value, asked);
    case undefined:
      return leaf(false, 'nobody', '');
  }
}

type FilterStateMatcher = Extract<Principal['identifier'], { case: 'filterState' }>['value'];

function filterState({ key, matcher }: FilterStateMatcher, { state }: Asked): Condition {
  const value = state.get(key);
  // What the other end of a tunnel has proven to be.
  const what = key === 'io.istio.peer_principal' ? 'identity' : key;
  const has = value === undefined ? `no ${what}` : `${what} "${value}"`;
  if (matcher.case === undefined) return unknown(what);
  return leaf(value !== undefined && stringMatches(matcher.value, value), `${what} ${stringWanted(matcher.value)}`, has);
}

function header(matcher: Parameters<typeof headerWanted>[0], { headers }: Asked): Condition {
  if (headers === undefined) return leaf(false, headerWanted(matcher), 'no HTTP request, only a connection');
  // What is in doubt is asked for only where it matters.
  const held = headers.doubt === undefined ? headerMatches(matcher, headers) : () => headerMatches(matcher, headers);
  return leaf(held, headerWanted(matcher), headerGiven(matcher, headers));
}

function path({ rule }: PathMatcher, { headers }: Asked): Condition {
  if (rule.case === undefined) return leaf(false, 'no path', '');
  const has = headers && pathOf(headers);
  return leaf(has !== undefined && stringMatches(rule.value, has), `path ${stringWanted(rule.value)}`, pathGiven(has));
}

const pathGiven = (has: string | undefined): string =>
  has === undefined ? 'no HTTP request, only a connection' : `path "${has}"`;

function range({ addressPrefix, prefixLen = 0 }: CidrRange, address: string, what: string, doubt?: Doubt): Condition {
  const text = `${addressPrefix}/${prefixLen}`;
  const wanted = `${what} in ${text}`;
  return leaf(doubt === undefined ? inRange(text, address) : () => doubt.holds(wanted), wanted, `${what} ${address}`);
}

function inRange(text: string, address: string): boolean {
  const [outer, inner] = [parseIpRange(text), parseIpRange(address)];
  return outer !== undefined && inner !== undefined && containsIp(outer, inner);
}

function metadata(matcher: Parameters<typeof metadataWanted>[0], asked: Asked): Condition {
  const wanted = metadataWanted(matcher);
  const token = asked.metadata.get(matcher.filter);
  const doubt = matcher.filter === claimsMetadata ? asked.unsure?.claims : undefined;
  return leaf(
    doubt === undefined ? metadataMatches(matcher, asked.metadata) : () => doubt.holds(wanted),
    wanted,
    token === undefined ? 'no such token' : 'the token says otherwise',
  );
}
