// Decides requests by Envoy's RBAC messages, as Envoy does: for tests of what policies become.

import { fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { CidrRange } from '../../../gen/envoy/config/core/v3/address_pb.js';
import { RBAC_Action, type Permission, type Principal, type RBAC as Rules } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { HeaderMatcher } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { UriTemplateMatchConfigSchema } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import type { MetadataMatcher } from '../../../gen/envoy/type/matcher/v3/metadata_pb.js';
import type { StringMatcher } from '../../../gen/envoy/type/matcher/v3/string_pb.js';
import type { ValueMatcher } from '../../../gen/envoy/type/matcher/v3/value_pb.js';
import type { NamedFilter } from '../filter.ts';

/** What a proxy knows of a request or connection. Addresses are IPv4. */
export interface TestRequest {
  /** The URI in the peer's certificate; undefined: no mutual TLS. */
  readonly identity: string | undefined;
  readonly peer: string;
  readonly remote: string;
  readonly destination: string;
  readonly port: number;
  readonly sni: string;
  /** Pseudo-headers too; undefined: a TCP connection. */
  readonly headers: Readonly<Record<string, readonly string[]>> | undefined;
  /** Dynamic metadata by filter. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The policy that denied, or that allowed last. */
  readonly policy: string | undefined;
}

/** The verdict of a chain of RBAC filters. */
export function verdict(filters: readonly NamedFilter[], request: TestRequest): Verdict {
  let policy: string | undefined;
  for (const { name, config } of filters) {
    const rules = rulesOf(name, config);
    if (rules === undefined) continue;
    policy = Object.keys(rules.policies)
      .sort()
      .find((key) => matches(rules, key, request));
    if ((policy !== undefined) !== (rules.action === RBAC_Action.ALLOW)) return { allowed: false, policy };
  }
  return { allowed: true, policy };
}

function rulesOf(name: string, config: Any): Rules | undefined {
  if (name === 'envoy.filters.http.rbac') return fromBinary(HttpRbacSchema, config.value).rules;
  if (name === 'envoy.filters.network.rbac') return fromBinary(NetworkRbacSchema, config.value).rules;
  throw new Error(`${name} is not an RBAC filter`);
}

function matches(rules: Rules, key: string, request: TestRequest): boolean {
  const policy = rules.policies[key];
  if (policy === undefined) return false;
  const permitted = policy.permissions.some((permission) => permissionHolds(permission, request));
  return permitted && policy.principals.some((principal) => principalHolds(principal, request));
}

function principalHolds({ identifier }: Principal, request: TestRequest): boolean {
  switch (identifier.case) {
    case 'any':
      return true;
    case 'andIds':
      return identifier.value.ids.every((id) => principalHolds(id, request));
    case 'orIds':
      return identifier.value.ids.some((id) => principalHolds(id, request));
    case 'notId':
      return !principalHolds(identifier.value, request);
    case 'authenticated': {
      const { principalName } = identifier.value;
      return request.identity !== undefined && (principalName === undefined || textMatches(principalName, request.identity));
    }
    case 'directRemoteIp':
      return inRange(identifier.value, request.peer);
    case 'remoteIp':
      return inRange(identifier.value, request.remote);
    case 'header':
      return headerMatches(identifier.value, request);
    case 'metadata':
      return metadataMatches(identifier.value, request);
    default:
      throw new Error(`the evaluator does not know the principal ${identifier.case}`);
  }
}

function permissionHolds({ rule }: Permission, request: TestRequest): boolean {
  switch (rule.case) {
    case 'any':
      return true;
    case 'andRules':
      return rule.value.rules.every((one) => permissionHolds(one, request));
    case 'orRules':
      return rule.value.rules.some((one) => permissionHolds(one, request));
    case 'notRule':
      return !permissionHolds(rule.value, request);
    case 'header':
      return headerMatches(rule.value, request);
    case 'urlPath': {
      const path = pathOf(request);
      const matcher = rule.value.rule.value;
      return path !== undefined && matcher !== undefined && textMatches(matcher, path);
    }
    case 'uriTemplate': {
      const path = pathOf(request);
      const config = rule.value.typedConfig;
      return path !== undefined && config !== undefined && template(config).test(path);
    }
    case 'destinationIp':
      return inRange(rule.value, request.destination);
    case 'destinationPort':
      return rule.value === request.port;
    case 'requestedServerName':
      return textMatches(rule.value, request.sni);
    case 'metadata':
      return metadataMatches(rule.value, request);
    default:
      throw new Error(`the evaluator does not know the permission ${rule.case}`);
  }
}

const pathOf = ({ headers }: TestRequest): string | undefined => headers?.[':path']?.[0]?.replace(/[?#].*$/, '');

/** What one segment of a path may hold for `*` in Envoy's templates. */
const segment = "[\\w\\-.~%!$&'()+,;:@=]";

function template({ value }: Any): RegExp {
  const { pathTemplate } = fromBinary(UriTemplateMatchConfigSchema, value);
  const parts = pathTemplate.split(/(\*\*|\*)/).map((part) => {
    if (part === '**') return `(?:${segment}|/)*`;
    return part === '*' ? `${segment}+` : part.replaceAll(/[$.+?()]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}

function headerMatches({ name, headerMatchSpecifier }: HeaderMatcher, { headers }: TestRequest): boolean {
  const values = headers?.[name.toLowerCase()] ?? [];
  switch (headerMatchSpecifier.case) {
    case 'presentMatch':
      return values.length > 0 === headerMatchSpecifier.value;
    case 'stringMatch': {
      const matcher = headerMatchSpecifier.value;
      return values.some((value) => textMatches(matcher, value));
    }
    default:
      throw new Error(`the evaluator does not know the header matcher ${headerMatchSpecifier.case}`);
  }
}

function metadataMatches({ filter, path, value }: MetadataMatcher, { metadata }: TestRequest): boolean {
  let found: unknown = metadata[filter];
  for (const { segment: step } of path) {
    found = typeof found === 'object' && found !== null && step.case === 'key' ? Reflect.get(found, step.value) : undefined;
  }
  return value !== undefined && valueMatches(value, found);
}

function valueMatches({ matchPattern }: ValueMatcher, found: unknown): boolean {
  switch (matchPattern.case) {
    case 'stringMatch':
      return typeof found === 'string' && textMatches(matchPattern.value, found);
    case 'listMatch': {
      const one = matchPattern.value.matchPattern.value;
      return one !== undefined && Array.isArray(found) && found.some((item) => valueMatches(one, item));
    }
    case 'orMatch':
      return matchPattern.value.valueMatchers.some((matcher) => valueMatches(matcher, found));
    default:
      throw new Error(`the evaluator does not know the value matcher ${matchPattern.case}`);
  }
}

function textMatches({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (part: string) => (ignoreCase ? part.toLowerCase() : part);
  switch (matchPattern.case) {
    case 'exact':
      return fold(text) === fold(matchPattern.value);
    case 'prefix':
      return fold(text).startsWith(fold(matchPattern.value));
    case 'suffix':
      return fold(text).endsWith(fold(matchPattern.value));
    case 'safeRegex':
      return new RegExp(`^(?:${matchPattern.value.regex})$`).test(text);
    default:
      throw new Error(`the evaluator does not know the string matcher ${matchPattern.case}`);
  }
}

function inRange({ addressPrefix, prefixLen = 0 }: CidrRange, address: string): boolean {
  const number = (text: string) => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - prefixLen);
  return Math.floor(number(addressPrefix) / size) === Math.floor(number(address) / size);
}
