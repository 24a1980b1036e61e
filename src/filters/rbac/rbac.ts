// Authorization (envoy.filters.http.rbac, envoy.filters.network.rbac): a workload's policies as filters, in the order in which they
// decide. Called by compile/ for inbound filter chains; the HTTP chain puts them where ../authorization.ts stands.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { RBAC_Action, type RBACSchema as RulesSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.js';
import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { Diagnostic } from '../../api/diagnostic.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { refOf, type ObjectRef, type Path } from '../../api/object.ts';
import type { Authorization } from '../../mesh/authorization.ts';
import { any } from '../any.ts';
import type { NamedFilter } from '../filter.ts';
import { concerns, providerOf } from './custom.ts';
import { auditFinding, customFinding, obstacleFinding } from './findings.ts';
import { what } from './permission.ts';
import { who } from './principal.ts';
import { compileRule, type PolicyInit, type Protocol } from './rule.ts';

/** What the filters depend on besides the policies; a MeshConfig will do. */
export type RbacContext = Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases' | 'extensionProviders'>;

/** The object and field behind a policy key (the same shape as compile's Cause). */
export interface RuleCause {
  readonly object: ObjectRef;
  readonly path: Path;
}

export interface RbacFilters {
  /** In chain order: CUSTOM, DENY, ALLOW. Empty where nothing is restricted. */
  readonly filters: readonly NamedFilter[];
  /**
   * By policy key, `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`: the name that Envoy writes into response_code_details
   * (`rbac_access_denied_matched_policy[…]`) and dynamic metadata.
   */
  readonly causes: ReadonlyMap<string, RuleCause>;
  /**
   * Everything in the policies that has not its full effect. httpRbac and tcpRbac of the same policies repeat each other, except for
   * `LAT0601` (what TCP connections do not have): that comes from tcpRbac alone, and concerns a person only where a port is
   * declared TCP, not where a TCP chain merely stands beside an HTTP one.
   */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The HTTP filters of a workload's policies (`mesh.authorizationPolicies(…).map(authorization)`, in that order). A request that a
 * DENY rule matches gets 403 `RBAC: access denied`; so does one that no ALLOW rule matches, if there is any ALLOW policy, even one
 * whose rules can never match.
 */
export const httpRbac = (policies: readonly Authorization[], context: RbacContext): RbacFilters =>
  rbacFilters('http', policies, context);

/**
 * The network filters, for TCP chains. What only HTTP requests have cannot be asked there: an ALLOW rule that asks for it never
 * matches, a DENY rule does without it and denies more, as in Istio.
 */
export const tcpRbac = (policies: readonly Authorization[], context: RbacContext): RbacFilters =>
  rbacFilters('tcp', policies, context);

/** The rules of one filter. Undefined: it has none of that sort; without policies: it has them, and none matches. */
interface Rules {
  readonly enforced: MessageInitShape<typeof RulesSchema> | undefined;
  readonly dryRun: MessageInitShape<typeof RulesSchema> | undefined;
}

type EnforcedAction = 'CUSTOM' | 'DENY' | 'ALLOW';

function rbacFilters(protocol: Protocol, policies: readonly Authorization[], context: RbacContext): RbacFilters {
  const filters: NamedFilter[] = [];
  const causes = new Map<string, RuleCause>();
  const diagnostics: Diagnostic[] = [];
  for (const policy of policies) {
    if (policy.action === 'AUDIT') diagnostics.push(auditFinding(policy));
    if (policy.action === 'CUSTOM') diagnostics.push(customFinding(policy, providerOf(policy, context)));
  }
  for (const action of ['CUSTOM', 'DENY', 'ALLOW'] as const) {
    const chosen = policies.filter((policy) => policy.action === action && concerns(policy, protocol, context));
    if (chosen.length === 0) continue;
    const rules = compilePolicies(chosen, action, protocol, context, causes, diagnostics);
    filters.push(protocol === 'http' ? httpFilter(rules, action) : networkFilter(rules, action));
  }
  return { filters, causes, diagnostics };
}

function compilePolicies(
  policies: readonly Authorization[],
  action: EnforcedAction,
  protocol: Protocol,
  domains: RbacContext,
  causes: Map<string, RuleCause>,
  diagnostics: Diagnostic[],
): Rules {
  const enforced: Record<string, PolicyInit> = {};
  const dryRun: Record<string, PolicyInit> = {};
  for (const policy of policies) {
    const into = policy.dryRun ? dryRun : enforced;
    const add = (index: number, path: Path, init: PolicyInit) => {
      const key = policyKey(policy, index);
      into[key] = init;
      causes.set(key, { object: refOf(policy.object), path });
    };
    if (policy.rules.length === 0) add(0, ['spec'], never);
    for (const [index, rule] of policy.rules.entries()) {
      const compiled = compileRule(rule, { protocol, domains, onObstacle: action === 'ALLOW' ? 'narrow' : 'widen' });
      if (compiled.policy !== undefined) add(index, rule.path, compiled.policy);
      diagnostics.push(...compiled.obstacles.map((obstacle) => obstacleFinding(policy, obstacle)));
    }
  }
  const rules = (own: Record<string, PolicyInit>) => ({
    action: action === 'ALLOW' ? RBAC_Action.ALLOW : RBAC_Action.DENY,
    policies: own,
  });
  return {
    enforced: policies.some((policy) => !policy.dryRun) ? rules(enforced) : undefined,
    dryRun: policies.some((policy) => policy.dryRun) ? rules(dryRun) : undefined,
  };
}

/** Istio's name for a rule. For CUSTOM it says that the denial is not the provider's. */
function policyKey({ namespace, name, action }: Authorization, index: number): string {
  const key = `ns[${namespace}]-policy[${name}]-rule[${index}]`;
  return action === 'CUSTOM' ? `istio-ext-authz-${key}-deny-due-to-bad-CUSTOM-action` : key;
}

/** What a policy without rules becomes: there, and matching nothing. */
const never: PolicyInit = { permissions: [what.not(what.any)], principals: [who.not(who.any)] };

/** Istio's prefixes of the dry run's statistics and metadata. */
const shadowPrefix = (rules: Rules, action: EnforcedAction): string =>
  rules.dryRun === undefined ? '' : action === 'ALLOW' ? 'istio_dry_run_allow_' : 'istio_dry_run_deny_';

const httpFilter = (rules: Rules, action: EnforcedAction): NamedFilter => ({
  name: 'envoy.filters.http.rbac',
  config: any(HttpRbacSchema, {
    ...(rules.enforced && { rules: rules.enforced }),
    ...(rules.dryRun && { shadowRules: rules.dryRun }),
    shadowRulesStatPrefix: shadowPrefix(rules, action),
  }),
});

const networkFilter = (rules: Rules, action: EnforcedAction): NamedFilter => ({
  name: 'envoy.filters.network.rbac',
  config: any(NetworkRbacSchema, {
    ...(rules.enforced && { rules: rules.enforced }),
    ...(rules.dryRun && { shadowRules: rules.dryRun }),
    shadowRulesStatPrefix: shadowPrefix(rules, action),
    statPrefix: 'tcp.',
  }),
});
