// Authorization (envoy.filters.http.rbac, envoy.filters.network.rbac): a workload's policies as filters, in the order in which they
// decide. Called by compile/ for inbound filter chains; the HTTP chain puts them where ../authorization.ts stands.

import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { Diagnostic } from '../../api/diagnostic.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Authorization, AuthorizationRule } from '../../mesh/authorization.ts';
import { any } from '../any.ts';
import type { NamedFilter } from '../filter.ts';
import { concerns, providerOf } from './custom.ts';
import { auditFinding, customFinding, obstacleFinding } from './findings.ts';
import type { Protocol } from './rule.ts';
import { enforcedActions, ruleSet, type EnforcedAction, type RuleCause, type RuleSet } from './rule-set.ts';

/** What the filters depend on besides the policies; a MeshConfig will do. */
export type RbacContext = Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases' | 'extensionProviders'>;

export interface RbacFilters {
  /** In chain order: CUSTOM, DENY, ALLOW. Empty where nothing is restricted. */
  readonly filters: readonly NamedFilter[];
  /**
   * By policy key, `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`: the name that Envoy writes into response_code_details
   * (`rbac_access_denied_matched_policy[…]`) and dynamic metadata.
   */
  readonly causes: ReadonlyMap<string, RuleCause>;
  /** What in the policies has not its full effect. httpRbac says all of it but for TCP; tcpRbac adds what TCP connections lack. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The HTTP filters of a workload's policies, `mesh.security.authorizationPolicies(namespace, labels)`. A request that a DENY rule matches gets
 * 403 `RBAC: access denied`; so does one that no ALLOW rule matches, if there is any ALLOW policy, even one whose rules can never
 * match. `context` may be the MeshConfig.
 */
export function httpRbac(policies: readonly Authorization[], context: RbacContext): RbacFilters {
  const sets = ruleSets('http', policies, context);
  const obstacles = sets.flatMap(([, set]) => set.obstacles);
  return {
    filters: sets.map(([action, set]) => httpFilter(set, action)),
    causes: new Map(sets.flatMap(([, set]) => set.causes)),
    diagnostics: [
      ...policies.flatMap((policy) => actionFindings(policy, context)),
      ...obstacles.map(({ policy, obstacle }) => obstacleFinding(policy, obstacle)),
    ],
  };
}

/**
 * The network filters, for TCP chains. What only HTTP requests have cannot be asked there: an ALLOW rule that asks for it never
 * matches, a DENY rule does without it and denies more, as in Istio. `tcpPorts` are the ports whose traffic is TCP for certain, not
 * those where a TCP chain merely stands beside an HTTP one: a person hears of rules that concern them (default: of all).
 */
export function tcpRbac(policies: readonly Authorization[], context: RbacContext, tcpPorts?: readonly number[]): RbacFilters {
  const sets = ruleSets('tcp', policies, context);
  const obstacles = sets
    .flatMap(([, set]) => set.obstacles)
    .filter(({ rule, obstacle }) => obstacle.kind === 'needs HTTP' && (tcpPorts === undefined || reaches(rule, tcpPorts)));
  return {
    filters: sets.map(([action, set]) => networkFilter(set, action)),
    causes: new Map(sets.flatMap(([, set]) => set.causes)),
    diagnostics: obstacles.map(({ policy, obstacle }) => obstacleFinding(policy, obstacle)),
  };
}

const ruleSets = (
  protocol: Protocol,
  policies: readonly Authorization[],
  context: RbacContext,
): readonly [EnforcedAction, RuleSet][] =>
  enforcedActions.flatMap((action): [EnforcedAction, RuleSet][] => {
    const chosen = policies.filter((policy) => policy.action === action && concerns(policy, protocol, context));
    return chosen.length === 0 ? [] : [[action, ruleSet(chosen, action, protocol, context)]];
  });

function actionFindings(policy: Authorization, context: RbacContext): readonly Diagnostic[] {
  if (policy.action === 'AUDIT') return [auditFinding(policy)];
  return policy.action === 'CUSTOM' ? [customFinding(policy, providerOf(policy, context))] : [];
}

/** Whether a rule may match traffic of one of these ports. */
const reaches = ({ to }: AuthorizationRule, ports: readonly number[]): boolean =>
  to.some((conditions) =>
    ports.some((port) =>
      conditions.every(({ attribute, values, notValues }) => {
        if (attribute.kind !== 'destination.port') return true;
        const text = String(port);
        return (values.list.length === 0 || values.list.includes(text)) && !notValues.list.includes(text);
      }),
    ),
  );

/** What both kinds of filters say: rules, dry runs, and Istio's prefix for the dry runs' statistics and metadata. */
const common = ({ enforced, dryRun }: RuleSet, action: EnforcedAction) => ({
  ...(enforced && { rules: enforced }),
  ...(dryRun && {
    shadowRules: dryRun,
    shadowRulesStatPrefix: action === 'ALLOW' ? 'istio_dry_run_allow_' : 'istio_dry_run_deny_',
  }),
});

const httpFilter = (set: RuleSet, action: EnforcedAction): NamedFilter => ({
  name: 'envoy.filters.http.rbac',
  config: any(HttpRbacSchema, common(set, action)),
});

const networkFilter = (set: RuleSet, action: EnforcedAction): NamedFilter => ({
  name: 'envoy.filters.network.rbac',
  config: any(NetworkRbacSchema, { ...common(set, action), statPrefix: 'tcp.' }),
});
