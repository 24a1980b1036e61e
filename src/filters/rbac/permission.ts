// Conditions on what a request wants: where it goes and which operation it asks for → Envoy's permissions.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PermissionSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import type { TargetAttribute } from '../../mesh/authorization-attribute.ts';
import { addressRange } from './address-range.ts';
import { headerMatcher, hostMatcher } from './header.ts';
import { isPathTemplate, pathTemplate } from './path-template.ts';
import { listValue, metadata, textValue } from './token.ts';
import { isUnusable, unusable, type Unusable } from './unusable.ts';
import { stringPattern } from './value-pattern.ts';

export type PermissionInit = MessageInitShape<typeof PermissionSchema>;

/** Combining permissions. */
export const what = {
  any: { rule: { case: 'any', value: true } } as PermissionInit,
  or: (rules: readonly PermissionInit[]): PermissionInit => ({ rule: { case: 'orRules', value: { rules: [...rules] } } }),
  and: (rules: readonly PermissionInit[]): PermissionInit => ({ rule: { case: 'andRules', value: { rules: [...rules] } } }),
  not: (rule: PermissionInit): PermissionInit => ({ rule: { case: 'notRule', value: rule } }),
};

/** The permission that has a value for an attribute. */
export function permission(attribute: TargetAttribute, value: string): PermissionInit | Unusable {
  switch (attribute.kind) {
    case 'request.host':
      return { rule: { case: 'header', value: hostMatcher(value) } };
    case 'request.method':
      return { rule: { case: 'header', value: headerMatcher(':method', value) } };
    case 'request.path': {
      // Both leave the query out.
      if (!isPathTemplate(value))
        return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: stringPattern(value) } } } };
      const template = pathTemplate(value);
      return isUnusable(template) ? template : { rule: { case: 'uriTemplate', value: template } };
    }
    case 'destination.ip': {
      const range = addressRange(value);
      return isUnusable(range) ? range : { rule: { case: 'destinationIp', value: range } };
    }
    case 'destination.port':
      if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) return unusable('is not a port', 'write a number from 0 to 65535');
      return { rule: { case: 'destinationPort', value: Number(value) } };
    case 'connection.sni':
      return { rule: { case: 'requestedServerName', value: stringPattern(value) } };
    case 'filter.metadata': {
      // `[v]` asks for a list that holds v.
      const inList = value.startsWith('[') && value.endsWith(']') && value.length > 1;
      const matcher = inList ? listValue(stringPattern(value.slice(1, -1))) : textValue(stringPattern(value));
      return { rule: { case: 'metadata', value: metadata(attribute.filter, [attribute.key], matcher) } };
    }
    case 'unknown':
      return unusable(`is for the key ${attribute.key}, which is not known`, 'use a key of the documentation on conditions');
  }
}
