// Locality load balancing: which endpoints come first for a caller in a place, and what share each place gets (istio.md §3.8).

import type { LocalityLoadBalancerSetting, ZoneAwareLoadBalancerSetting } from '../api/shared/load-balancer.ts';
import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { Endpoint } from '../mesh/endpoint.ts';
import { networkLabel, nodeLabel, regionLabel, subZoneLabel, zoneLabel } from '../mesh/labels.ts';
import type { Service } from '../mesh/service.ts';
import type { Locality } from '../mesh/workload.ts';
import type { CallerLocality } from './endpoint.ts';

/** How places count for a port: shares by place, or an order of them. */
export interface Balance {
  readonly setting: LocalityLoadBalancerSetting;
  /** Without shares, nearer endpoints come first. */
  readonly ordered: boolean;
  /** Of a region Envoy itself chooses the zones; only regions come one after the other. */
  readonly zoneAware?: boolean;
}

/**
 * The policy's setting, else what the service prefers, else the mesh's; undefined where places do not matter. An order acts only
 * with outlier detection, for without it nothing says that nearer endpoints have failed; a service's own preference always acts, and
 * so do regions where zones are balanced.
 */
export function balanceOf(
  { loadBalancer, outlierDetection }: TrafficPolicy,
  service: Service,
  config: MeshConfig,
): Balance | undefined {
  const zones = zoneSetting(loadBalancer, service, config);
  if (zones !== undefined) return zones.enabled === false ? undefined : { setting: zones, ordered: true, zoneAware: true };
  const own = loadBalancer?.localityLbSetting;
  const preferred = own === undefined ? preference[service.prefers ?? 'any'] : undefined;
  const setting = own ?? preferred ?? config.localityLbSetting;
  if (setting === undefined || setting.enabled === false) return undefined;
  const ordered = !setting.distribute?.length && (outlierDetection !== undefined || preferred !== undefined);
  return ordered || setting.distribute?.length ? { setting, ordered } : undefined;
}

/** The setting that lets Envoy balance zones, where that counts: any setting of the policy's own is nearer than the mesh's. */
export function zoneSetting(
  loadBalancer: TrafficPolicy['loadBalancer'],
  { prefers }: Service,
  { zoneAwareLbSetting }: MeshConfig,
): ZoneAwareLoadBalancerSetting | undefined {
  if (loadBalancer?.zoneAwareLbSetting !== undefined) return loadBalancer.zoneAwareLbSetting;
  const others = loadBalancer?.localityLbSetting ?? preference[prefers ?? 'any'];
  return others === undefined ? zoneAwareLbSetting : undefined;
}

const near = [networkLabel, regionLabel, zoneLabel];

const preference: Readonly<Record<'zone' | 'node' | 'any', LocalityLoadBalancerSetting | undefined>> = {
  zone: { failoverPriority: near },
  node: { failoverPriority: [...near, subZoneLabel, nodeLabel] },
  any: undefined,
};

/** Endpoints of one place. */
export type Group = readonly [text: string, endpoints: Endpoint[]];

export interface PriorityGroup {
  readonly text: string;
  readonly list: readonly Endpoint[];
  readonly priority: number;
}

/** Endpoints split by priority for the caller, 0 first without gaps. */
export function priorities(groups: readonly Group[], { setting, zoneAware }: Balance, caller: CallerLocality): PriorityGroup[] {
  const byLabels = setting.failoverPriority?.length ? labelRank(setting.failoverPriority, caller) : undefined;
  const rank = (endpoint: Endpoint): number => {
    if (zoneAware === true) return (byLabels?.(endpoint) ?? 0) * regionRanks + regionRank(endpoint.locality, caller, setting);
    return byLabels?.(endpoint) ?? placeRank(endpoint.locality, caller, setting);
  };
  const split = groups.flatMap(([text, endpoints]) =>
    [...Map.groupBy(endpoints, rank)].map(([priority, list]) => ({ text, list, priority })),
  );
  const ranks = [...new Set(split.map(({ priority }) => priority))].sort((a, b) => a - b);
  return split
    .map((group) => ({ ...group, priority: ranks.indexOf(group.priority) }))
    .sort((a, b) => a.priority - b.priority || (a.text < b.text ? -1 : 1));
}

/** 0 the same sub-zone, 1 zone, 2 region, 3 elsewhere; with a failover rule, 3 its target and 4 the rest. */
function placeRank(place: Locality, caller: Locality, setting: LocalityLoadBalancerSetting): number {
  if (place.region !== caller.region) return 2 + regionRank(place, caller, setting);
  if (place.zone !== caller.zone) return 2;
  return place.subZone === caller.subZone ? 0 : 1;
}

/** 0 the caller's region, 1 elsewhere; with a failover rule, 1 its target and 2 the rest. */
function regionRank(place: Locality, caller: Locality, { failover }: LocalityLoadBalancerSetting): number {
  if (place.region === caller.region) return 0;
  const rule = failover?.find(({ from }) => from === caller.region);
  return rule === undefined || rule.to === place.region ? 1 : 2;
}

const regionRanks = 3;

interface Placed {
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly network: string;
  readonly node: string;
}

/** The more of the leading labels an endpoint shares with the caller, the earlier it comes. */
function labelRank(words: readonly string[], caller: CallerLocality): (endpoint: Endpoint) => number {
  const self: Placed = { ...caller, locality: caller, node: caller.labels[nodeLabel] ?? '' };
  const wanted = words.map((word) => {
    const [key = '', value] = word.split('=', 2);
    return { key, value: value ?? labelOf(self, key) };
  });
  return (endpoint) => {
    const shared = wanted.findIndex(({ key, value }) => labelOf(endpoint, key) !== value);
    return shared < 0 ? 0 : words.length - shared;
  };
}

/** What something's place says comes before what is written on it. */
function labelOf({ labels, locality, network, node }: Placed, key: string): string {
  switch (key) {
    case regionLabel:
      return locality.region;
    case zoneLabel:
      return locality.zone;
    case subZoneLabel:
      return locality.subZone;
    case networkLabel:
      return network;
    case nodeLabel:
      return node;
    default:
      return labels[key] ?? '';
  }
}

/** The share of each place by `distribute`, none for those it leaves out; undefined where it says nothing of this caller. */
export function localityWeights(
  groups: readonly Group[],
  setting: LocalityLoadBalancerSetting,
  caller: Locality,
): Map<string, number> | undefined {
  const rule = setting.distribute?.find(({ from }) => from !== undefined && placeMatches(from, caller));
  if (rule === undefined) return undefined;
  const weights = new Map<string, number>();
  const open = new Set(groups);
  for (const [to, share] of Object.entries(rule.to ?? {})) {
    const matched = [...open].filter(([, [first]]) => first !== undefined && placeMatches(to, first.locality));
    const total = matched.reduce((sum, [, list]) => sum + weightOf(list), 0);
    for (const group of matched) {
      weights.set(group[0], Math.ceil((weightOf(group[1]) * Number(share)) / total));
      open.delete(group);
    }
  }
  for (const [text] of open) weights.set(text, 0);
  return weights;
}

export const weightOf = (endpoints: readonly Endpoint[]): number => endpoints.reduce((sum, { weight }) => sum + weight, 0);

/** `region/zone/*` and shorter forms against a place. */
function placeMatches(pattern: string, { region, zone, subZone }: Locality): boolean {
  const place = [region, zone, subZone];
  for (const [index, part] of pattern.split('/').entries()) {
    if (part === '*') return true;
    if (part !== place[index]) return false;
  }
  return true;
}
