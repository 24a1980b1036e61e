// Endpoints as rows: where each server is, whether it is healthy, in which priority and place, and the cluster that has it.

import type { Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { HealthStatus } from '../../../gen/envoy/config/core/v3/health_check_pb.js';
import type { ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint, LocalityLbEndpoints } from '../../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { parseOutboundCluster } from '../../compile/names.ts';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { placeOf, workloadOf } from '../../explain/endpoint-groups.ts';
import { clusterWords } from '../../explain/plan/names.ts';
import { clustersOf } from './clusters.ts';
import { socketText } from './listeners.ts';
import type { Row, Table } from './row.ts';

export const endpoints: Table = {
  columns: [
    { name: 'Endpoint' },
    { name: 'Health' },
    { name: 'Locality' },
    { name: 'Priority' },
    { name: 'Weight' },
    { name: 'Service' },
    { name: 'Workload' },
    { name: 'Cluster', wide: true },
  ],
  filters: ['address', 'port', 'fqdn', 'subset', 'status', 'cluster'],
  rows: ({ configuration }) =>
    clustersOf(configuration).flatMap((cluster) =>
      (assignmentOf(cluster, configuration)?.endpoints ?? []).flatMap((group) =>
        group.lbEndpoints.flatMap((endpoint) => rowOf(endpoint, group, cluster)),
      ),
    ),
};

/** What Envoy reports of a cluster it reports under its name, of any type; else they stand in the cluster itself. */
const assignmentOf = (cluster: Cluster, { endpoints: of }: ProxyConfiguration): ClusterLoadAssignment | undefined =>
  of(resourceOf(cluster)) ?? cluster.loadAssignment;

const resourceOf = ({ edsClusterConfig, name }: Cluster): string => edsClusterConfig?.serviceName || name;

function rowOf(endpoint: LbEndpoint, group: LocalityLbEndpoints, cluster: Cluster): Row[] {
  const { hostIdentifier: host, healthStatus, loadBalancingWeight, metadata } = endpoint;
  if (host.case !== 'endpoint' || host.value.address === undefined) return [];
  const address = socketText(host.value.address);
  const health = HealthStatus[healthStatus === HealthStatus.UNKNOWN ? HealthStatus.HEALTHY : healthStatus];
  const { name } = cluster;
  const outbound = parseOutboundCluster(name);
  const [, ip = address, port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return [
    {
      resource: resourceOf(cluster),
      cells: [
        address,
        health,
        placeOf(group),
        String(group.priority),
        loadBalancingWeight === undefined ? '' : String(loadBalancingWeight),
        clusterWords(name),
        workloadOf(metadata?.filterMetadata['istio']?.['workload']),
        name,
      ],
      facts: {
        address: [ip],
        port: [port],
        fqdn: [outbound?.host ?? ''],
        subset: [outbound?.subset ?? ''],
        status: [health],
        cluster: [name, clusterWords(name)],
      },
    },
  ];
}
