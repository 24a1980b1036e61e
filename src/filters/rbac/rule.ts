// One authorization rule → one policy of Envoy's RBAC, or nothing where it can never match.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { PolicySchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import { pathText, type Path } from '../../api/object.ts';
import { needsHttp, type Attribute, type SenderAttribute, type TargetAttribute } from '../../mesh/authorization-attribute.ts';
import type { AuthorizationRule, Conditions, Values } from '../../mesh/authorization.ts';
import { permission, what, type PermissionInit } from './permission.ts';
import { principal, who, type PrincipalInit } from './principal.ts';
import type { TrustDomains } from './trust-domain.ts';
import { isUnusable, type Unusable } from './unusable.ts';

export type PolicyInit = MessageInitShape<typeof PolicySchema>;

export type Protocol = 'http' | 'tcp';

/** A part of a rule that cannot be asked here. */
export type Obstacle = { readonly path: Path } & (
  | { readonly kind: 'needs HTTP'; readonly attribute: Attribute }
  | { readonly kind: 'unusable'; readonly value: string; readonly problem: Unusable }
);

export interface CompiledRule {
  /** Undefined: the rule can never match. */
  readonly policy: PolicyInit | undefined;
  readonly obstacles: readonly Obstacle[];
}

export interface RuleReader {
  readonly protocol: Protocol;
  readonly domains: TrustDomains;
  /**
   * What becomes of a rule with a part that cannot be asked: Istio errs on the side of refusal. A rule that allows is left out
   * (`narrow`); a rule that denies goes on without that part and so denies more (`widen`).
   */
  readonly onObstacle: 'narrow' | 'widen';
}

/** How principals, or permissions, are made and combined. */
interface Side<A extends Attribute, T> {
  readonly make: (attribute: A, value: string) => T | Unusable;
  readonly combine: {
    readonly any: T;
    readonly or: (parts: readonly T[]) => T;
    readonly and: (parts: readonly T[]) => T;
    readonly not: (part: T) => T;
  };
}

export function compileRule({ from, to }: AuthorizationRule, reader: RuleReader): CompiledRule {
  const obstacles = new Map<string, Obstacle>();
  const meet = (obstacle: Obstacle) => obstacles.set(pathText(obstacle.path), obstacle);
  const senders: Side<SenderAttribute, PrincipalInit> = {
    make: (attribute, value) => principal(attribute, value, reader.domains),
    combine: who,
  };
  const targets: Side<TargetAttribute, PermissionInit> = { make: permission, combine: what };
  const principals = from.map((conditions) => conjunction(senders, conditions, reader.protocol, meet));
  const permissions = to.map((conditions) => conjunction(targets, conditions, reader.protocol, meet));
  const matches = obstacles.size === 0 || reader.onObstacle === 'widen';
  return { policy: matches ? { permissions, principals } : undefined, obstacles: [...obstacles.values()] };
}

function conjunction<A extends Attribute, T extends object>(
  { make, combine }: Side<A, T>,
  conditions: Conditions<A>,
  protocol: Protocol,
  meet: (obstacle: Obstacle) => void,
): T {
  const parts: T[] = [];
  for (const { attribute, values, notValues } of conditions) {
    const usable = ({ list, path }: Values): T[] => {
      if (list.length > 0 && protocol === 'tcp' && needsHttp(attribute)) {
        meet({ kind: 'needs HTTP', attribute, path });
        return [];
      }
      return list.flatMap((value, index) => {
        const made = make(attribute, value);
        if (!isUnusable(made)) return [made];
        meet({ kind: 'unusable', value, problem: made, path: [...path, index] });
        return [];
      });
    };
    const wanted = usable(values);
    const unwanted = usable(notValues);
    if (wanted.length > 0) parts.push(single(wanted) ?? combine.or(wanted));
    if (unwanted.length > 0) parts.push(combine.not(single(unwanted) ?? combine.or(unwanted)));
  }
  return parts.length === 0 ? combine.any : (single(parts) ?? combine.and(parts));
}

const single = <T>(parts: readonly T[]): T | undefined => (parts.length === 1 ? parts[0] : undefined);
