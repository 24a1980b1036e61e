// What stands behind a cluster's name: its servers by priority and place with their shares, how it reaches them, and its limits.

import { Cluster_DiscoveryType, Cluster_LbPolicy, type Cluster } from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterConfigSchema as AggregateClusterSchema } from '../../gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import { HttpProtocolOptionsSchema } from '../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { endpointGroups, type Member } from './endpoint-groups.ts';
import type { ClusterLimits, Destination, Endpoint, EndpointGroup, HttpProtocol } from './explanation.ts';
import { formatted } from './format.ts';
import { headerValue, type Headers } from './headers.ts';
import { milliseconds } from './milliseconds.ts';
import { listed, type Passage } from './passage.ts';
import { addressText } from './request.ts';
import { subsetOf } from './subset.ts';
import { typedConfig, typeOf } from './typed-config.ts';
import { upstreamTls } from './upstream-tls.ts';

export function destinationOf(cluster: Cluster, passage: Passage, headers: Headers | undefined): Destination {
  const { clusterDiscoveryType: type } = cluster;
  const limits = limitsOf(cluster);
  const base = { balancing: balancingOf(cluster), limits };
  if (type.case === 'clusterType') {
    const several = typedConfig(AggregateClusterSchema, type.value.typedConfig);
    if (several !== undefined) return { ...base, ...aggregate(several.clusters, passage, headers) };
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
  const { member, chosen, known } = memberOf(cluster, passage);
  const isNamed = type.value === Cluster_DiscoveryType.STRICT_DNS || type.value === Cluster_DiscoveryType.LOGICAL_DNS;
  const byName = type.value === Cluster_DiscoveryType.EDS;
  return {
    ...base,
    discovery: byName ? (known ? 'EDS' : 'unknown') : isNamed ? 'DNS' : 'static',
    groups: endpointGroups([member], passage, headers),
    ...(chosen.length > 0 && { chosen }),
  };
}

interface FoundMember {
  readonly member: Member;
  /** How its endpoints were chosen, in clauses. */
  readonly chosen: readonly string[];
  /** Whether its endpoints are at hand. */
  readonly known: boolean;
}

function memberOf(cluster: Cluster, passage: Passage): FoundMember {
  const byName = cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.EDS;
  const all = byName
    ? passage.configuration.endpoints(cluster.edsClusterConfig?.serviceName || cluster.name)
    : cluster.loadAssignment;
  const known = !byName || all !== undefined;
  if (!known) passage.missing.add(`The endpoints of ${cluster.name} are not in the configuration at hand.`);
  const { lbSubsetConfig: subsets } = cluster;
  if (all === undefined || subsets === undefined || subsets.subsetSelectors.length === 0)
    return { member: { cluster, assignment: all }, chosen: [], known };
  const { assignment, text } = subsetOf(subsets, all, passage.wanted);
  return { member: { cluster, assignment }, chosen: [text], known };
}

/** Clusters one after the other: the next takes what those before it cannot carry. */
function aggregate(
  names: readonly string[],
  passage: Passage,
  headers: Headers | undefined,
): Pick<Destination, 'discovery' | 'groups' | 'chosen'> {
  const members = names.flatMap((name) => {
    const cluster = passage.configuration.cluster(name);
    if (cluster === undefined) passage.missing.add(`Cluster ${name}, one of several that are one, is not there.`);
    return cluster === undefined ? [] : [memberOf(cluster, passage)];
  });
  const known = members.every((each) => each.known);
  return {
    discovery: known ? 'static' : 'unknown',
    groups: endpointGroups(
      members.map(({ member }) => member),
      passage,
      headers,
    ),
    chosen: [`it is made of ${listed(names)}, in this order`, ...members.flatMap(({ chosen }) => chosen)],
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

const protocolOptions = ({ typedExtensionProtocolOptions: options }: Cluster) =>
  typedConfig(HttpProtocolOptionsSchema, options['envoy.extensions.upstreams.http.v3.HttpProtocolOptions']);

/** HTTP filters that requests pass after their server is chosen; the last of them, which sends, and those that look on are no news. */
export const upstreamFilters = (cluster: Cluster): string[] =>
  protocolOptions(cluster)?.httpFilters.flatMap(({ name, configType }) =>
    configType.case === 'typedConfig' && !/\.UpstreamCodec$|^io\.istio\.|PluginConfig$/.test(typeOf(configType.value))
      ? [name]
      : [],
  ) ?? [];

function protocolOf(cluster: Cluster): HttpProtocol {
  const options = protocolOptions(cluster);
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
