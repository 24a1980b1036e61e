// The endpoints behind a cluster by priority and place, with the share of requests that each group gets while things are as they are.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.js';
import type { ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint, LocalityLbEndpoints } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { Endpoint, EndpointGroup } from './explanation.ts';
import type { Headers } from './headers.ts';
import { plainAddress } from './listener.ts';
import type { Passage } from './passage.ts';
import type { Address } from './request.ts';
import { upstreamTls } from './upstream-tls.ts';

/** A cluster whose endpoints count, alone or with others. */
export interface Member {
  readonly cluster: Cluster;
  readonly assignment: ClusterLoadAssignment | undefined;
}

/** The endpoints by priority and place with their shares. Of several clusters each comes after all of those before it. */
export function endpointGroups(members: readonly Member[], passage: Passage, headers: Headers | undefined): EndpointGroup[] {
  const tiers = members.flatMap(tiersOf);
  const [{ factor } = { factor: usualFactor }] = tiers;
  const shares = prioritySharesOf(tiers, factor);
  return tiers.flatMap(({ cluster, priority, localities, part }, index) => {
    // Too few are healthy: all of them count.
    const inPanic = part * 100 < (cluster.commonLbConfig?.healthyPanicThreshold?.value ?? 50);
    const weights = localities.map((each) => localityWeight(cluster, each, inPanic, factor));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return localities.map((locality, at): EndpointGroup => ({
      priority: members.length > 1 ? index : priority,
      place: placeOf(locality),
      share: total === 0 ? 0 : ((shares[index] ?? 0) * (weights[at] ?? 0)) / total,
      endpoints: locality.lbEndpoints.flatMap((each) => endpointOf(each, cluster, passage, headers) ?? []),
    }));
  });
}

const usualFactor = 1.4;

/** One priority of a cluster. */
interface Tier {
  readonly cluster: Cluster;
  readonly priority: number;
  readonly localities: readonly LocalityLbEndpoints[];
  /** How much of it is healthy, 0 to 1. */
  readonly part: number;
  readonly any: boolean;
  /** How many times its healthy part it can carry. */
  readonly factor: number;
}

function tiersOf({ cluster, assignment }: Member): Tier[] {
  const all = assignment?.endpoints ?? [];
  const percent = assignment?.policy?.overprovisioningFactor;
  const factor = percent === undefined ? usualFactor : percent / 100;
  const priorities = [...new Set(all.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.map((priority) => {
    const localities = all.filter((each) => each.priority === priority && each.lbEndpoints.length > 0);
    const hosts = localities.flatMap(({ lbEndpoints }) => lbEndpoints);
    const healthy = hosts.filter(isHealthy).length;
    return {
      cluster,
      priority,
      localities,
      part: hosts.length === 0 ? 0 : healthy / hosts.length,
      any: hosts.length > 0,
      factor,
    };
  });
}

/** The first gets what its healthy part can carry with some to spare, the next what is left; all of nothing is spread as it is. */
function prioritySharesOf(health: readonly { readonly part: number; readonly any: boolean }[], factor: number): number[] {
  const carried = health.map(({ part }) => Math.min(1, part * factor));
  const total = Math.min(
    1,
    carried.reduce((sum, part) => sum + part, 0),
  );
  if (total === 0) {
    const first = health.findIndex(({ any }) => any);
    return health.map((_, index) => (index === first ? 1 : 0));
  }
  let left = 1;
  return carried.map((part) => {
    const share = Math.min(left, part / total);
    left -= share;
    return share;
  });
}

/** Where places have weights, these count; else each endpoint does. */
function localityWeight(cluster: Cluster, locality: LocalityLbEndpoints, inPanic: boolean, factor: number): number {
  const { lbEndpoints, loadBalancingWeight } = locality;
  const healthy = lbEndpoints.filter(isHealthy);
  const counted = inPanic ? lbEndpoints : healthy;
  if (cluster.commonLbConfig?.localityConfigSpecifier.case !== 'localityWeightedLbConfig') {
    return counted.reduce((sum, each) => sum + (each.loadBalancingWeight ?? 1), 0);
  }
  const part = inPanic ? 1 : Math.min(1, (healthy.length / lbEndpoints.length) * factor);
  return (loadBalancingWeight ?? 0) * part;
}

const isHealthy = ({ healthStatus }: LbEndpoint): boolean =>
  healthStatus === HealthStatus.UNKNOWN || healthStatus === HealthStatus.HEALTHY;

/** `region/zone/subzone`; empty where none is known. */
export const placeOf = ({ locality }: LocalityLbEndpoints): string =>
  [locality?.region ?? '', locality?.zone ?? '', locality?.subZone ?? ''].join('/').replace(/\/+$/, '');

function endpointOf(host: LbEndpoint, cluster: Cluster, passage: Passage, headers: Headers | undefined): Endpoint | undefined {
  if (host.hostIdentifier.case !== 'endpoint') return undefined;
  const { address } = host.hostIdentifier.value;
  const metadata = host.metadata?.filterMetadata ?? {};
  const internal = address?.address.case === 'envoyInternalAddress' ? address.address.value : undefined;
  const at =
    internal === undefined
      ? address === undefined
        ? undefined
        : plainAddress(address)
      : internalAddress(internal.endpointId, metadata, passage);
  return (
    at && {
      ...at,
      healthy: isHealthy(host),
      weight: host.loadBalancingWeight ?? 1,
      tls: upstreamTls(cluster, metadata, passage, headers),
      ...(internal?.addressNameSpecifier.case === 'serverListenerName' && { through: internal.addressNameSpecifier.value }),
      workload: workloadOf(metadata['istio']?.['workload']),
    }
  );
}

/** Through a tunnel: where the inner connection goes; what ended the one before may have said it, else it stays as it is. */
function internalAddress(id: string, metadata: Readonly<Record<string, JsonObject>>, { state, local }: Passage): Address {
  const inner = metadata['envoy.filters.listener.original_dst']?.['local'];
  const said = state.get('envoy.filters.listener.original_dst.local_ip');
  const text = typeof inner === 'string' ? inner : id || said || '';
  if (text === '') return local;
  const colon = text.lastIndexOf(':');
  return colon < 0 ? { address: text, port: 0 } : { address: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** `reviews-v1;default;reviews;v1;cluster` → `reviews-v1.default`. */
export function workloadOf(value: JsonValue | undefined): string {
  const [name = '', namespace = ''] = typeof value === 'string' ? value.split(';') : [];
  return name === '' ? '' : `${name}.${namespace}`;
}
