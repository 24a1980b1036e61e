// What stands behind a cluster's name: its servers by priority and place with their shares, how it reaches them, and its limits.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, Cluster_LbPolicy, type Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.js';
import type { ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint, LocalityLbEndpoints } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { ClusterLimits, Destination, Endpoint, EndpointGroup, HttpProtocol } from './explanation.ts';
import { formatted } from './format.ts';
import { headerValue, type Headers } from './headers.ts';
import { plainAddress } from './listener.ts';
import { milliseconds } from './milliseconds.ts';
import type { Passage } from './passage.ts';
import { addressText, type Address } from './request.ts';
import { typedConfig } from './typed-config.ts';
import { upstreamTls } from './upstream-tls.ts';

export function destinationOf(cluster: Cluster, passage: Passage, headers: Headers | undefined): Destination {
  const { clusterDiscoveryType: type } = cluster;
  const limits = limitsOf(cluster);
  const base = { balancing: balancingOf(cluster), limits };
  if (type.case === 'clusterType') {
    const dynamic = type.value.name === 'envoy.clusters.dynamic_forward_proxy';
    const host = dynamic ? formatted(passage.state.get('envoy.upstream.dynamic_host') ?? '', passage, headers) : '';
    const port = passage.state.get('envoy.upstream.dynamic_port');
    const asked =
      host.startsWith('%') || host === '' ? (headers === undefined ? passage.sni : headerValue(headers, ':authority')) : host;
    const dialled =
      asked === undefined || asked === '' ? undefined : port === undefined ? asked : `${asked.replace(/:\d+$/, '')}:${port}`;
    return {
      ...base,
      discovery: dynamic ? 'dynamic' : 'unknown',
      groups: [],
      ...(dynamic && dialled !== undefined && { dialled }),
    };
  }
  if (type.value === Cluster_DiscoveryType.ORIGINAL_DST) {
    const dialled = dialledAddress(cluster, passage, headers);
    return { ...base, discovery: 'original destination', groups: [originalGroup(cluster, passage, headers, dialled)], dialled };
  }
  const byName = type.value === Cluster_DiscoveryType.EDS;
  const assignment = byName
    ? passage.configuration.endpoints(cluster.edsClusterConfig?.serviceName || cluster.name)
    : cluster.loadAssignment;
  if (byName && assignment === undefined)
    passage.missing.add(`The endpoints of ${cluster.name} are not in the configuration at hand.`);
  const isNamed = type.value === Cluster_DiscoveryType.STRICT_DNS || type.value === Cluster_DiscoveryType.LOGICAL_DNS;
  return {
    ...base,
    discovery: byName ? (assignment === undefined ? 'unknown' : 'EDS') : isNamed ? 'DNS' : 'static',
    groups: groupsOf(cluster, assignment, passage, headers),
  };
}

/** One group of one endpoint: what was dialled, or what a header says, as far as the cluster lets it. */
function originalGroup(cluster: Cluster, passage: Passage, headers: Headers | undefined, dialled: string): EndpointGroup {
  const colon = dialled.lastIndexOf(':');
  const endpoint: Endpoint = {
    address: dialled.slice(0, colon).replaceAll(/[[\]]/g, ''),
    port: Number(dialled.slice(colon + 1)),
    healthy: true,
    weight: 1,
    tls: upstreamTls(cluster, {}, passage, headers),
    workload: '',
  };
  return { priority: 0, place: '', share: 1, endpoints: [endpoint] };
}

function dialledAddress(cluster: Cluster, { local }: Passage, headers: Headers | undefined): string {
  const config = cluster.lbConfig.case === 'originalDstLbConfig' ? cluster.lbConfig.value : undefined;
  const name = config?.httpHeaderName || 'x-envoy-original-dst-host';
  const said = config?.useHttpHeader === true && headers !== undefined ? headerValue(headers, name) : undefined;
  if (said !== undefined) return said;
  return addressText(config?.upstreamPortOverride === undefined ? local : { ...local, port: config.upstreamPortOverride });
}

function groupsOf(
  cluster: Cluster,
  assignment: ClusterLoadAssignment | undefined,
  passage: Passage,
  headers: Headers | undefined,
): EndpointGroup[] {
  const all = assignment?.endpoints ?? [];
  const panic = cluster.commonLbConfig?.healthyPanicThreshold?.value ?? 50;
  const factor = (assignment?.policy?.overprovisioningFactor ?? 140) / 100;
  const priorities = [...new Set(all.map(({ priority }) => priority))].sort((a, b) => a - b);
  const health = priorities.map((priority) => {
    const hosts = all.filter((each) => each.priority === priority).flatMap(({ lbEndpoints }) => lbEndpoints);
    const healthy = hosts.filter(isHealthy).length;
    return { priority, part: hosts.length === 0 ? 0 : healthy / hosts.length, any: hosts.length > 0 };
  });
  const shares = prioritySharesOf(health, factor);
  return priorities.flatMap((priority, index) => {
    const localities = all.filter((each) => each.priority === priority && each.lbEndpoints.length > 0);
    const { part = 0 } = health[index] ?? {};
    // Too few are healthy: all of them count.
    const inPanic = part * 100 < panic;
    const weights = localities.map((each) => localityWeight(cluster, each, inPanic, factor));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return localities.map((locality, at): EndpointGroup => ({
      priority,
      place: placeOf(locality),
      share: total === 0 ? 0 : ((shares[index] ?? 0) * (weights[at] ?? 0)) / total,
      endpoints: locality.lbEndpoints.flatMap((each) => endpointOf(each, cluster, passage, headers) ?? []),
    }));
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

const balancing: Readonly<Record<Cluster_LbPolicy, string>> = {
  [Cluster_LbPolicy.ROUND_ROBIN]: 'in turn',
  [Cluster_LbPolicy.LEAST_REQUEST]: 'to the less busy of two',
  [Cluster_LbPolicy.RING_HASH]: 'by hash (ring)',
  [Cluster_LbPolicy.RANDOM]: 'at random',
  [Cluster_LbPolicy.MAGLEV]: 'by hash (Maglev)',
  [Cluster_LbPolicy.CLUSTER_PROVIDED]: 'as dialled',
  [Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG]: 'by an extension',
};

function balancingOf({ loadBalancingPolicy, lbPolicy }: Cluster): string {
  const [policy] = loadBalancingPolicy?.policies ?? [];
  return policy === undefined
    ? balancing[lbPolicy]
    : `by ${policy.typedExtensionConfig?.name.replace('envoy.load_balancing_policies.', '') ?? 'an extension'}`;
}

/** What means "no limit" in Istio's clusters. */
const unlimited = 4_294_967_295;

function limitsOf(cluster: Cluster): ClusterLimits {
  const [threshold] = cluster.circuitBreakers?.thresholds ?? [];
  const limit = (value: number | undefined, byDefault: number): number | undefined =>
    value === unlimited ? undefined : (value ?? byDefault);
  return {
    connectTimeout: milliseconds(cluster.connectTimeout) ?? 5000,
    maxConnections: limit(threshold?.maxConnections, 1024),
    maxPendingRequests: limit(threshold?.maxPendingRequests, 1024),
    maxRequests: limit(threshold?.maxRequests, 1024),
    maxRetries: limit(threshold?.maxRetries, 3),
    outlierDetection: outliers(cluster),
    protocol: protocolOf(cluster),
  };
}

function outliers({ outlierDetection: detection }: Cluster): string | undefined {
  if (detection === undefined) return undefined;
  const { consecutive5xx, consecutiveGatewayFailure, enforcingConsecutive5xx, enforcingConsecutiveGatewayFailure } = detection;
  const counts = [
    ...(enforcingConsecutive5xx === 0 ? [] : [`${consecutive5xx ?? 5} errors (5xx)`]),
    ...((enforcingConsecutiveGatewayFailure ?? 0) === 0 ? [] : [`${consecutiveGatewayFailure ?? 5} gateway errors`]),
  ];
  const ejection = milliseconds(detection.baseEjectionTime) ?? 30_000;
  return `after ${counts.join(' or ') || 'failures'} in a row a server is left out for ${ejection / 1000} s, at most ${detection.maxEjectionPercent ?? 10} % of them`;
}

function protocolOf(cluster: Cluster): HttpProtocol {
  const options = typedConfig(
    HttpProtocolOptionsSchema,
    cluster.typedExtensionProtocolOptions['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'],
  );
  switch (options?.upstreamProtocolOptions.case) {
    case 'explicitHttpConfig':
      return options.upstreamProtocolOptions.value.protocolConfig.case === 'http2ProtocolOptions' ? 'HTTP/2' : 'HTTP/1.1';
    case 'useDownstreamProtocolConfig':
      return 'as the caller';
    case 'autoConfig':
      return 'by ALPN';
    case undefined:
      return cluster.http2ProtocolOptions === undefined ? 'HTTP/1.1' : 'HTTP/2';
  }
}
