// How Istio's objects say which workloads, or which other objects, they are for.

import type { Static } from 'typebox';
import { list, message, nonEmpty, text, textMap } from '../schema.ts';

/** `selector` of the security, telemetry and extension kinds. */
export const LabelSelector = message({}, { matchLabels: textMap });
export type LabelSelector = Static<typeof LabelSelector>;

/** `workloadSelector` of the networking kinds. */
export const WorkloadSelector = message({}, { labels: textMap });
export type WorkloadSelector = Static<typeof WorkloadSelector>;

export const PolicyTargetReference = message({ kind: nonEmpty, name: nonEmpty }, { group: text, namespace: text });
export type PolicyTargetReference = Static<typeof PolicyTargetReference>;

/** The three ways in which a policy names its subjects; one at most is used. */
export const policyTarget = {
  selector: LabelSelector,
  targetRef: PolicyTargetReference,
  targetRefs: list(PolicyTargetReference, { maxItems: 16 }),
};
