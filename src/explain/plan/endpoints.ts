// What changes about who serves a cluster: endpoints that come, go, or count otherwise.

import type { LbEndpoint } from '../../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { ClusterLoadAssignmentSchema, type ClusterLoadAssignment } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { HealthStatus } from '../../../gen/envoy/config/core/v3/health_check_pb.js';
import type { Resource } from '../../compile/resource.ts';
import { plainAddress } from '../listener.ts';
import { addressText } from '../request.ts';
import { changedFacts, factsOf, factsText, type Facts } from './facts.ts';
import { messageOf } from './messages.ts';
import { clusterWords } from './names.ts';
import type { Change, ChangeLine } from './plan.ts';

export function endpointChanges(name: string, before: Resource | undefined, after: Resource | undefined): Change[] {
  const [was, is] = [before, after].map((resource) => endpointsOf(resource && messageOf(ClusterLoadAssignmentSchema, resource)));
  if (was === undefined || is === undefined) return [];
  const lines = [...new Set([...was.keys(), ...is.keys()])].flatMap((address): ChangeLine[] => {
    const [old, now] = [was.get(address), is.get(address)];
    if (old === undefined || now === undefined) {
      const facts = factsText(now ?? old ?? new Map());
      return [{ sign: old === undefined ? '+' : '-', text: facts === '' ? address : `${address} ${facts}`, origins: [] }];
    }
    return changedFacts(old, now).map((text) => ({ sign: '~', text: `${address}: ${text}`, origins: [] }));
  });
  return lines.length === 0 ? [] : [{ part: 'endpoints', subject: clusterWords(name), change: 'changed', lines }];
}

function endpointsOf(assignment: ClusterLoadAssignment | undefined): Map<string, Facts> {
  const groups = assignment?.endpoints ?? [];
  return new Map(
    groups.flatMap(({ lbEndpoints, locality, priority, loadBalancingWeight }) => {
      const place = [locality?.region, locality?.zone, locality?.subZone].filter((part) => part).join('/');
      return lbEndpoints.map(
        (endpoint) =>
          [
            addressOf(endpoint),
            factsOf([
              ['in', place],
              ['priority', priority === 0 ? undefined : String(priority)],
              ["its place's weight", place === '' || loadBalancingWeight === undefined ? undefined : String(loadBalancingWeight)],
              [
                'weight',
                endpoint.loadBalancingWeight === undefined || endpoint.loadBalancingWeight === 1
                  ? undefined
                  : String(endpoint.loadBalancingWeight),
              ],
              [
                'health',
                endpoint.healthStatus === HealthStatus.UNKNOWN || endpoint.healthStatus === HealthStatus.HEALTHY
                  ? undefined
                  : HealthStatus[endpoint.healthStatus].toLowerCase(),
              ],
              [
                'mutual TLS',
                endpoint.metadata?.filterMetadata['envoy.transport_socket_match']?.['tlsMode'] === 'istio' ? 'yes' : undefined,
              ],
            ]),
          ] as const,
      );
    }),
  );
}

function addressOf({ hostIdentifier: host }: LbEndpoint): string {
  if (host.case !== 'endpoint') return host.case === 'endpointName' ? host.value : '';
  const address = host.value.address && plainAddress(host.value.address);
  return address === undefined ? host.value.hostname : addressText(address);
}
