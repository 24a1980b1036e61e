// Which Sidecar is a workload's: its own namespace's by label, else the one for the whole namespace, else the root namespace's.

import type { ApiObject } from '../api/object.ts';
import type { Sidecar } from '../api/sidecar.ts';
import { matchesLabels, type Labels } from './labels.ts';

/**
 * The Sidecars of a workload's highest rank, oldest first: the first is in effect. `own` and `root` are those of its namespace and
 * of the root namespace, oldest first; `root` is empty for a workload that is there itself.
 */
export function sidecarsFor(
  own: readonly ApiObject<Sidecar>[],
  root: readonly ApiObject<Sidecar>[],
  labels: Labels,
): readonly ApiObject<Sidecar>[] {
  const selecting = own.filter(({ body }) => {
    const { workloadSelector } = body.spec;
    return workloadSelector !== undefined && matchesLabels(workloadSelector.labels ?? {}, labels);
  });
  if (selecting.length > 0) return selecting;
  const general = own.filter(isGeneral);
  return general.length > 0 ? general : root.filter(isGeneral);
}

/** For a whole namespace, or in the root namespace for the whole mesh. */
export const isGeneral = ({ body }: ApiObject<Sidecar>): boolean => body.spec.workloadSelector === undefined;
