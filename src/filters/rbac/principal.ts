// Conditions on who sends a request: its peer's identity, addresses, headers and token → Envoy's principals.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PrincipalSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { SenderAttribute } from '../../mesh/authorization-attribute.ts';
import { addressRange } from './address-range.ts';
import { headerMatcher, isHeaderName } from './header.ts';
import { claim, requestPrincipal } from './token.ts';
import { principalNames, trustDomainNames, type TrustDomains } from './trust-domain.ts';
import { isUnusable, unusable, type Unusable } from './unusable.ts';
import { exact, literal, prefix, present, regex, type StringMatcherInit } from './value-pattern.ts';

export type PrincipalInit = MessageInitShape<typeof PrincipalSchema>;

/** Combining principals. */
export const who = {
  any: { identifier: { case: 'any', value: true } } as PrincipalInit,
  or: (ids: readonly PrincipalInit[]): PrincipalInit => ({ identifier: { case: 'orIds', value: { ids: [...ids] } } }),
  and: (ids: readonly PrincipalInit[]): PrincipalInit => ({ identifier: { case: 'andIds', value: { ids: [...ids] } } }),
  not: (id: PrincipalInit): PrincipalInit => ({ identifier: { case: 'notId', value: id } }),
};

const identity = (...names: readonly StringMatcherInit[]): PrincipalInit => {
  const ids = names.map((principalName): PrincipalInit => ({ identifier: { case: 'authenticated', value: { principalName } } }));
  return ids.length === 1 && ids[0] !== undefined ? ids[0] : who.or(ids);
};

/** Expressions are made of names, and names have an end: RE2's program grows with them. */
const longestName = 1024;
const tooLong = unusable('is too long', `keep it within ${longestName} characters`);

/** The principal that has a value for an attribute. */
export function principal(attribute: SenderAttribute, value: string, domains: TrustDomains): PrincipalInit | Unusable {
  if (attribute.kind.startsWith('source.') && value.length > longestName) return tooLong;
  switch (attribute.kind) {
    case 'source.principal':
      return identity(...principalNames(value, domains).map(peerName));
    case 'source.namespace':
      return identity(regex(`.*/ns/${value.split('*').map(literal).join('.*')}/.*`));
    case 'source.serviceAccount': {
      const slash = value.indexOf('/');
      const [namespace, account] = [value.slice(0, slash), value.slice(slash + 1)].map(literal);
      // Further path segments may stand before `sa` and at the end.
      return identity(regex(`spiffe://.+/ns/${namespace}/(.+/|)sa/${account}(/.+)?`));
    }
    case 'source.trustDomain':
      return identity(...trustDomainNames(value, domains).map(domainName));
    case 'source.ip': {
      const range = addressRange(value);
      return isUnusable(range) ? range : { identifier: { case: 'directRemoteIp', value: range } };
    }
    case 'remote.ip': {
      const range = addressRange(value);
      return isUnusable(range) ? range : { identifier: { case: 'remoteIp', value: range } };
    }
    case 'request.headers':
      if (!isHeaderName(attribute.header)) return unusable('is for a header that cannot be', 'name a header in the brackets');
      return { identifier: { case: 'header', value: headerMatcher(attribute.header, value) } };
    case 'request.auth.principal':
      return who.and(requestPrincipal(value).map((matcher) => ({ identifier: { case: 'metadata', value: matcher } })));
    case 'request.auth.audiences':
      return { identifier: { case: 'metadata', value: claim(['aud'], value) } };
    case 'request.auth.presenter':
      return { identifier: { case: 'metadata', value: claim(['azp'], value) } };
    case 'request.auth.claims':
      return { identifier: { case: 'metadata', value: claim(attribute.claim, value) } };
  }
}

/** The URI in the peer's certificate. `*`: any peer that has a certificate of the mesh. */
function peerName(value: string): StringMatcherInit {
  if (value === '*') return present;
  if (value.startsWith('*')) return regex(`spiffe://.*${literal(value.slice(1))}`);
  if (value.endsWith('*')) return prefix(`spiffe://${value.slice(0, -1)}`);
  return exact(`spiffe://${value}`);
}

function domainName(domain: string): StringMatcherInit {
  if (domain.startsWith('*')) return regex(`spiffe://[^/]*${literal(domain.slice(1))}/.*`);
  if (domain.endsWith('*')) return prefix(`spiffe://${domain.slice(0, -1)}`);
  return prefix(`spiffe://${domain}/`);
}
