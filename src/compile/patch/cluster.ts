// Patches of clusters.

import { ClusterSchema, type Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { matchesCluster } from './match.ts';
import { isMerge, mergeTyped, mergeValue } from './merge-value.ts';
import type { Patch } from './patch.ts';

/** Of the patches those for a cluster; `hosts` are the services that it stands for, where its name does not say them. */
export const clusterPatches = (
  patches: readonly Patch<'CLUSTER'>[],
  name: string,
  hosts: () => readonly string[],
): readonly Patch<'CLUSTER'>[] => patches.filter((patch) => patch.operation !== 'ADD' && matchesCluster(patch, name, hosts));

/** Changes a cluster; false: it is removed. */
export function patchCluster(
  cluster: Cluster,
  patches: readonly Patch<'CLUSTER'>[],
  used: (patch: Patch) => void,
  problem: (text: string) => void,
): boolean {
  const removing = patches.find(({ operation }) => operation === 'REMOVE');
  if (removing !== undefined) {
    used(removing);
    return false;
  }
  for (const patch of patches) if (isMerge(patch)) mergeInto(cluster, patch, used, problem);
  return true;
}

/**
 * TLS is merged into the TLS that is there, in the place that automatic mutual TLS has for it too; the rest of such a patch counts for
 * nothing, as in Istio. Another transport socket than those in place cannot stand beside them.
 */
function mergeInto(
  cluster: Cluster,
  patch: Patch<'CLUSTER'>,
  used: (patch: Patch) => void,
  problem: (text: string) => void,
): void {
  const wanted = patch.value?.transportSocket;
  const chosen = cluster.transportSocketMatches.flatMap(({ transportSocket }) => transportSocket ?? []);
  const own = (chosen.length > 0 ? chosen : [cluster.transportSocket]).find((socket) => socket?.name === wanted?.name);
  if (wanted !== undefined && own !== undefined) mergeTyped(own, { ...patch, value: wanted }, () => used(patch), problem);
  else if (wanted === undefined || chosen.length === 0) mergeValue(ClusterSchema, cluster, patch, used);
}
