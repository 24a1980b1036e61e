// Locality load balancing: which endpoints come first for a caller in a place, and what share each place gets (istio.md §3.8).

import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import type { Endpoint } from '../mesh/endpoint.ts';
import type { Locality } from '../mesh/workload.ts';
import type { CallerLocality } from './endpoint.ts';

type LocalitySetting = NonNullable<NonNullable<TrafficPolicy['loadBalancer']>['localityLbSetting']>;
type Group = readonly [text: string, endpoints: Endpoint[]];

export interface PriorityGroup {
  readonly text: string;
  readonly list: readonly Endpoint[];
  readonly priority: number;
}

/**
 * Endpoints split by priority for the caller, 0 first without gaps; undefined where nothing orders them. Failover acts only with
 * outlier detection: without it nothing says that a nearer endpoint has failed.
 */
export function priorities(groups: readonly Group[], settings: TrafficPolicy, caller: CallerLocality): PriorityGroup[] | undefined {
  const setting = settings.loadBalancer?.localityLbSetting;
  if (setting?.enabled === false || settings.outlierDetection === undefined || setting?.distribute?.length) return undefined;
  const rank = setting?.failoverPriority?.length
    ? labelRank(setting.failoverPriority, caller)
    : (endpoint: Endpoint) => placeRank(endpoint.locality, caller, setting);
  const split = groups.flatMap(([text, endpoints]) =>
    [...Map.groupBy(endpoints, rank)].map(([priority, list]) => ({ text, list, priority })),
  );
  const ranks = [...new Set(split.map(({ priority }) => priority))].sort((a, b) => a - b);
  return split
    .map((group) => ({ ...group, priority: ranks.indexOf(group.priority) }))
    .sort((a, b) => a.priority - b.priority || (a.text < b.text ? -1 : 1));
}

/** 0 the same sub-zone, 1 zone, 2 region, 3 elsewhere; with a failover rule, 3 its target and 4 the rest. */
function placeRank(place: Locality, caller: Locality, setting: LocalitySetting | undefined): number {
  if (place.region !== caller.region) {
    const failover = setting?.failover?.find(({ from }) => from === caller.region);
    return failover === undefined || failover.to === place.region ? 3 : 4;
  }
  if (place.zone !== caller.zone) return 2;
  return place.subZone === caller.subZone ? 0 : 1;
}

/** The more of the leading labels an endpoint shares with the caller, the earlier it comes. */
function labelRank(keys: readonly string[], caller: CallerLocality): (endpoint: Endpoint) => number {
  const value = (key: string, labels: Readonly<Record<string, string>>, place: Locality): string | undefined =>
    labels[key] ??
    {
      'topology.kubernetes.io/region': place.region,
      'topology.kubernetes.io/zone': place.zone,
      'topology.istio.io/subzone': place.subZone,
    }[key];
  return (endpoint) => {
    const shared = keys.findIndex((word) => {
      const [key = '', wanted] = word.split('=', 2);
      const own = wanted ?? value(key, caller.labels, caller) ?? '';
      return (value(key, endpoint.labels, endpoint.locality) ?? '') !== own;
    });
    return shared < 0 ? 0 : keys.length - shared;
  };
}

/** The share of each locality by `distribute`, or undefined where the policy gives none for this caller. */
export function localityWeights(groups: readonly Group[], settings: TrafficPolicy, caller: CallerLocality): Map<string, number> | undefined {
  const setting = settings.loadBalancer?.localityLbSetting;
  if (setting?.enabled === false) return undefined;
  const rule = setting?.distribute?.find(({ from }) => from !== undefined && placeMatches(from, caller));
  if (rule === undefined) return undefined;
  const weights = new Map<string, number>();
  const open = new Set(groups);
  for (const [to, share] of Object.entries(rule.to ?? {})) {
    const matched = [...open].filter(([, [first]]) => first !== undefined && placeMatches(to, first.locality));
    const total = matched.reduce((sum, [, list]) => sum + list.reduce((all, { weight }) => all + weight, 0), 0);
    for (const group of matched) {
      const own = group[1].reduce((all, { weight }) => all + weight, 0);
      weights.set(group[0], Math.ceil((own * Number(share)) / total));
      open.delete(group);
    }
  }
  for (const [text] of open) weights.set(text, 0);
  return weights;
}

/** `region/zone/*` and shorter forms against a place. */
function placeMatches(pattern: string, { region, zone, subZone }: Locality): boolean {
  const place = [region, zone, subZone];
  const parts = pattern.split('/');
  for (const [index, part] of parts.entries()) {
    if (part === '*') return true;
    if (part !== place[index]) return false;
  }
  return true;
}
