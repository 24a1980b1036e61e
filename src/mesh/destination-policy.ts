// How callers reach a host: DestinationRules selected for a caller's namespace, merged, and resolved for one port and subset.

import type { ApiObject, Path } from '../api/object.ts';
import type { DestinationRule } from '../api/destination-rule.ts';
import type { LocalityLoadBalancerSetting } from '../api/shared/load-balancer.ts';
import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import { coversHost, bySpecificity, isWildcard, resolveHost } from './hostname.ts';
import { visibilityOf, type Visibility } from './visibility.ts';
import { labelsText, matchesLabels, type Labels } from './labels.ts';

export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  readonly policy: TrafficPolicy | undefined;
  readonly object: ApiObject<unknown>;
  readonly path: Path;
}

/** The rules of one namespace for one host: a single DestinationRule, or several merged. */
export interface DestinationPolicy {
  readonly host: string;
  readonly namespace: string;
  readonly visibility: Visibility;
  /** Callers it is for, by label; undefined: all. */
  readonly callers: Labels | undefined;
  readonly policy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  /** Every setting of it that looks at where callers and endpoints are. */
  readonly localities: readonly LocalityLoadBalancerSetting[];
  /** Where it came from, oldest first. */
  readonly objects: readonly ApiObject<unknown>[];
}

export function destinationPolicy(
  object: ApiObject<DestinationRule>,
  domain: string,
  byDefault: readonly string[],
): DestinationPolicy {
  const { spec } = object.body;
  const { namespace } = object.metadata;
  const callers = spec.workloadSelector?.matchLabels;
  return {
    host: resolveHost(spec.host, namespace, domain),
    namespace,
    // A rule for selected workloads is private to its namespace.
    visibility: visibilityOf(callers === undefined ? spec.exportTo : ['.'], namespace, byDefault),
    callers,
    policy: spec.trafficPolicy,
    subsets: (spec.subsets ?? []).map((subset, index) => ({
      name: subset.name,
      labels: subset.labels ?? {},
      policy: subset.trafficPolicy,
      object,
      path: ['spec', 'subsets', index],
    })),
    localities: [spec.trafficPolicy, ...(spec.subsets ?? []).map((subset) => subset.trafficPolicy)].flatMap(localitiesOf),
    objects: [object],
  };
}

const localitiesOf = (policy: TrafficPolicy | undefined): LocalityLoadBalancerSetting[] =>
  [policy, ...(policy?.portLevelSettings ?? [])].flatMap(
    (settings) => settings?.loadBalancer?.localityLbSetting ?? settings?.loadBalancer?.zoneAwareLbSetting ?? [],
  );

const sameVisibility = (a: Visibility, b: Visibility): boolean =>
  a.everyone || b.everyone ? a.everyone === b.everyone : a.namespaces.symmetricDifference(b.namespaces).size === 0;

const sameCallers = (a: Labels | undefined, b: Labels | undefined): boolean =>
  a === undefined || b === undefined ? a === b : labelsText(a) === labelsText(b);

/**
 * Merges the rules for one host, given oldest first: those for the same callers with the same visibility become one, whose traffic policy is the
 * first that was given and whose subsets are all, the older of two with one name winning (istio.md §2.2, "Merging").
 */
function mergePolicies(policies: readonly DestinationPolicy[]): DestinationPolicy[] {
  const merged: DestinationPolicy[] = [];
  for (const policy of policies) {
    const index = merged.findIndex(
      (other) => sameCallers(other.callers, policy.callers) && sameVisibility(other.visibility, policy.visibility),
    );
    const first = merged[index];
    if (first === undefined) {
      merged.push(policy);
      continue;
    }
    const names = new Set(first.subsets.map(({ name }) => name));
    merged[index] = {
      ...first,
      policy: first.policy ?? policy.policy,
      subsets: [...first.subsets, ...policy.subsets.filter(({ name }) => !names.has(name))],
      objects: [...first.objects, ...policy.objects],
    };
  }
  return merged;
}

/** The rules of a namespace that mean a host most specifically, already merged; empty if none does. */
export function mostSpecific(
  host: string,
  exact: readonly DestinationPolicy[],
  wildcards: readonly DestinationPolicy[],
): readonly DestinationPolicy[] {
  if (exact.length > 0) return mergePolicies(exact);
  const [best] = wildcards.filter((policy) => coversHost(policy.host, host)).sort((a, b) => bySpecificity(a.host, b.host));
  return best === undefined ? [] : mergePolicies(wildcards.filter((policy) => policy.host === best.host));
}

/** Of one host's rules, the one for a caller: first those that select it by label, then those for all. */
export function policyForCaller(
  policies: readonly DestinationPolicy[],
  caller: { readonly namespace: string; readonly labels: Labels },
): DestinationPolicy | undefined {
  return (
    policies.find(
      (policy) =>
        policy.callers !== undefined && policy.namespace === caller.namespace && matchesLabels(policy.callers, caller.labels),
    ) ?? policies.find((policy) => policy.callers === undefined)
  );
}

export const isWildcardPolicy = (policy: DestinationPolicy): boolean => isWildcard(policy.host);

/** The traffic policy for one port and subset: the subset's over the host's, and a port's settings over both, whole. */
export function effectivePolicy(policy: DestinationPolicy | undefined, port: number, subset: Subset | undefined): TrafficPolicy {
  return overlay(overlay({}, policy?.policy, port), subset?.policy, port);
}

function overlay(under: TrafficPolicy, over: TrafficPolicy | undefined, port: number): TrafficPolicy {
  if (over === undefined) return under;
  const { portLevelSettings, ...given } = over;
  const merged = { ...under, ...given };
  const level = portLevelSettings?.find((settings) => settings.port?.number === port);
  if (level === undefined) return merged;
  // A port's settings do not inherit: what they leave out is the default, not the policy above (Istio's documented rule).
  const { connectionPool: _p, outlierDetection: _o, loadBalancer: _l, tls: _t, ...rest } = merged;
  const { port: _port, ...settings } = level;
  return { ...rest, ...settings };
}
