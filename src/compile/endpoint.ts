// Endpoints → a cluster's load assignment: grouped by locality, by priority where failover is wanted.

import type { JsonObject } from '@bufbuild/protobuf';
import type { Init } from '../filters/any.ts';
import { HealthStatus } from '../../gen/envoy/config/core/v3/health_check_pb.js';
import type { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpointSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import type { TrafficPolicy } from '../api/shared/traffic-policy.ts';
import type { Endpoint } from '../mesh/endpoint.ts';
import type { Locality } from '../mesh/workload.ts';
import { localityWeights, priorities } from './locality.ts';

export interface AssignmentContext {
  readonly clusterId: string;
  readonly settings: TrafficPolicy;
  /** The caller's locality and labels, where the policy or the mesh balances by locality; undefined: it does not matter. */
  readonly locality: CallerLocality | undefined;
  /** The caller's network; endpoints of others need a gateway. Undefined: all networks are one. */
  readonly network: string | undefined;
}

export interface CallerLocality extends Locality {
  readonly labels: Readonly<Record<string, string>>;
}

export const localityText = ({ region, zone, subZone }: Locality): string => [region, zone, subZone].join('/').replace(/\/+$/, '');

/** Endpoints in the order of their localities; equal input gives equal bytes. */
export function loadAssignment(
  name: string,
  endpoints: readonly Endpoint[],
  context: AssignmentContext,
): Init<typeof ClusterLoadAssignmentSchema> {
  // Not-ready endpoints are sent only where a policy keeps a share of them in use (istio.md §3.8).
  const keepUnhealthy = (context.settings.outlierDetection?.minHealthPercent ?? 0) > 0;
  const usable = endpoints.filter((endpoint) => endpoint.healthy || keepUnhealthy);
  const groups = Map.groupBy(usable, (endpoint) => localityText(endpoint.locality));
  const localities = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  const balanced = context.locality === undefined ? undefined : priorities(localities, context.settings, context.locality);
  const weights = context.locality === undefined ? undefined : localityWeights(localities, context.settings, context.locality);

  return {
    clusterName: name,
    endpoints: (balanced ?? localities.map(([text, list]) => ({ text, list, priority: 0 })))
      .map(({ text, list, priority }) => ({
        priority,
        locality: list[0] && {
          region: list[0].locality.region,
          zone: list[0].locality.zone,
          subZone: list[0].locality.subZone,
        },
        loadBalancingWeight: weights?.get(text) ?? list.reduce((sum, { weight }) => sum + weight, 0),
        lbEndpoints: list.map((endpoint) => lbEndpoint(endpoint, context.clusterId)),
      }))
      .filter(({ loadBalancingWeight }) => loadBalancingWeight > 0),
  };
}

function lbEndpoint(endpoint: Endpoint, clusterId: string): Init<typeof LbEndpointSchema> {
  return {
    hostIdentifier: { case: 'endpoint', value: { address: addressOf(endpoint) } },
    loadBalancingWeight: endpoint.weight,
    ...(endpoint.healthy ? {} : { healthStatus: HealthStatus.UNHEALTHY }),
    metadata: { filterMetadata: endpointMetadata(endpoint, clusterId) },
  };
}

function addressOf({ address, port }: Endpoint) {
  if (address.startsWith('unix://')) return { address: { case: 'pipe' as const, value: { path: address.slice('unix://'.length) } } };
  return {
    address: { case: 'socketAddress' as const, value: { address, portSpecifier: { case: 'portValue' as const, value: port } } },
  };
}

/** What telemetry and transport selection read: `workload;namespace;canonical name;canonical revision;cluster`. */
function endpointMetadata(endpoint: Endpoint, clusterId: string): Record<string, JsonObject> {
  const { labels } = endpoint;
  const canonical = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? endpoint.workload;
  const revision = labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest';
  return {
    ...(endpoint.mutualTls && { 'envoy.transport_socket_match': { tlsMode: 'istio' } }),
    ...(endpoint.workload !== '' && {
      istio: { workload: [endpoint.workload, endpoint.namespace, canonical, revision, clusterId].join(';') },
    }),
  };
}
