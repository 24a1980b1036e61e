// What a change of objects changes for whom: the answer of `lateen plan`, as plain data.

import type { Diagnostic } from '../../api/diagnostic.ts';
import type { StepOrigin } from '../explanation.ts';

export interface Plan {
  readonly objects: readonly ObjectChange[];
  /** What is another in the mesh's own configuration. */
  readonly settings: readonly SettingChange[];
  /** What changes for the same workloads stands together; the most workloads first. */
  readonly groups: readonly PlanGroup[];
  /** How many workloads keep all that they have. */
  readonly unchanged: number;
  /** What is told of the objects after the change and not before, and the other way round. */
  readonly diagnostics: { readonly appear: readonly Diagnostic[]; readonly disappear: readonly Diagnostic[] };
}

export interface ObjectChange {
  /** `VirtualService/default/reviews`. */
  readonly object: string;
  readonly change: 'created' | 'changed' | 'deleted';
  /** `reviews.yaml:1`, where it is known. */
  readonly place?: string | undefined;
}

export interface SettingChange {
  readonly of: 'MeshConfig' | 'MeshNetworks';
  /** `outboundTrafficPolicy.mode`. */
  readonly path: string;
  /** Empty for none. */
  readonly before: string;
  readonly after: string;
}

export interface PlanGroup {
  /** `reviews-v1.default`, sorted. */
  readonly workloads: readonly string[];
  readonly changes: readonly Change[];
}

/**
 * `requests`: what a route table does with those for a host. `connections`: how a listener takes them. `destination`: how a cluster
 * reaches its servers. `endpoints`: who these are. `secret`: a certificate that a gateway shows.
 */
export type ChangedPart = 'requests' | 'connections' | 'destination' | 'endpoints' | 'secret';

export interface Change {
  readonly part: ChangedPart;
  /** `reviews.default.svc.cluster.local:9080`, `virtualInbound`. */
  readonly subject: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly lines: readonly ChangeLine[];
}

export interface ChangeLine {
  /** Added, removed, or another than it was. */
  readonly sign: '+' | '-' | '~';
  /** `any path: to reviews:9080 v1 → reviews:9080 v3`. */
  readonly text: string;
  readonly origins: readonly StepOrigin[];
}
