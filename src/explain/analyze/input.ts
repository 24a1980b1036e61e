// What an analysis is of: all objects of a mesh and its configuration, and what is known to be missing from them.

import type { ApiObject } from '../../api/object.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { MeshNetworks } from '../../api/mesh-networks.ts';
import type { Labels } from '../../mesh/labels.ts';

export interface AnalysisInput {
  /** The primary cluster's. */
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks?: MeshNetworks | undefined;
  readonly clusterId?: string | undefined;
  /** The objects of other clusters, by their names. */
  readonly remote?: ReadonlyMap<string, readonly ApiObject[]> | undefined;
  /** The objects are all that there are: what is not among them is nowhere. Else it may be in the mesh that they are for. */
  readonly whole: boolean;
  /** Pods that are made by kinds that Lateen does not read: a DaemonSet, a Job, a Rollout. */
  readonly otherPods?: readonly OtherPods[] | undefined;
}

export interface OtherPods {
  readonly namespace: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
}
