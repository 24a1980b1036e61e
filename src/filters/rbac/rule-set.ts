// The policies of one action → the rules of one RBAC filter, with what is behind each of them and what stood in their way.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action, type RBACSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import { refOf, type ObjectRef, type Path } from '../../api/object.ts';
import type { Authorization, AuthorizationRule } from '../../mesh/authorization.ts';
import { what } from './permission.ts';
import { who } from './principal.ts';
import { compileRule, type Obstacle, type PolicyInit, type Protocol } from './rule.ts';
import type { TrustDomains } from './trust-domain.ts';

/** The actions that filters carry out, in the order in which they decide. */
export const enforcedActions = ['CUSTOM', 'DENY', 'ALLOW'] as const;
export type EnforcedAction = (typeof enforcedActions)[number];

/** The object and field behind a policy key (the same shape as compile's Cause). */
export interface RuleCause {
  readonly object: ObjectRef;
  readonly path: Path;
}

/** An obstacle and whose it is. */
interface FoundObstacle {
  readonly policy: Authorization;
  readonly rule: AuthorizationRule;
  readonly obstacle: Obstacle;
}

type RulesInit = MessageInitShape<typeof RBACSchema>;

export interface RuleSet {
  /** Undefined: the filter enforces nothing. Without policies inside: it does, and none matches. */
  readonly enforced: RulesInit | undefined;
  readonly dryRun: RulesInit | undefined;
  readonly causes: readonly (readonly [key: string, cause: RuleCause])[];
  readonly obstacles: readonly FoundObstacle[];
}

export function ruleSet(
  policies: readonly Authorization[],
  action: EnforcedAction,
  protocol: Protocol,
  domains: TrustDomains,
): RuleSet {
  const onObstacle = action === 'ALLOW' ? 'narrow' : 'widen';
  const compiled = policies.flatMap((policy) => {
    if (policy.rules.length === 0) return [{ policy, index: 0, path: ['spec'], made: never, obstacles: [] }];
    return policy.rules.map((rule, index) => {
      const { policy: made, obstacles } = compileRule(rule, { protocol, domains, onObstacle });
      return { policy, index, path: rule.path, made, obstacles: obstacles.map((obstacle) => ({ policy, rule, obstacle })) };
    });
  });
  const named = compiled.flatMap(({ policy, index, path, made }) =>
    made === undefined ? [] : [{ key: policyKey(policy, index), policy, path, made }],
  );
  const rules = (dryRun: boolean): RulesInit | undefined => {
    if (!policies.some((policy) => policy.dryRun === dryRun)) return undefined;
    const own = named.filter(({ policy }) => policy.dryRun === dryRun).map(({ key, made }) => [key, made] as const);
    return { action: action === 'ALLOW' ? RBAC_Action.ALLOW : RBAC_Action.DENY, policies: Object.fromEntries(own) };
  };
  return {
    enforced: rules(false),
    dryRun: rules(true),
    causes: named.map(({ key, policy, path }) => [key, { object: refOf(policy.object), path }]),
    obstacles: compiled.flatMap(({ obstacles }) => obstacles),
  };
}

/** Istio's name for a rule. For CUSTOM it says that the denial is not the provider's. */
function policyKey({ namespace, name, action }: Authorization, index: number): string {
  const key = `ns[${namespace}]-policy[${name}]-rule[${index}]`;
  return action === 'CUSTOM' ? `istio-ext-authz-${key}-deny-due-to-bad-CUSTOM-action` : key;
}

/** What a policy without rules becomes: there, and matching nothing. */
const never: PolicyInit = { permissions: [what.not(what.any)], principals: [who.not(who.any)] };
