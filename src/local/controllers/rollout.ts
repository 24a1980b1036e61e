// What a Deployment should do next: which pods to start and which to end, so that enough stay ready. Pure.

/** A pod of a Deployment as the decision sees it. */
export interface ReplicaPod {
  readonly name: string;
  /** The hash of the template that it was made from. */
  readonly hash: string;
  readonly ready: boolean;
  /** Sorts pods of one kind: the youngest go first. */
  readonly createdAt: string;
}

export interface RolloutSpec {
  readonly replicas: number;
  readonly hash: string;
  readonly strategy: 'RollingUpdate' | 'Recreate';
  readonly maxSurge?: number | string | undefined;
  readonly maxUnavailable?: number | string | undefined;
}

export interface RolloutStep {
  /** How many pods of the current template to start. */
  readonly start: number;
  /** Names of pods to end. */
  readonly end: readonly string[];
}

/** Pods that are ending already are not among `pods`. */
export function nextStep(spec: RolloutSpec, pods: readonly ReplicaPod[]): RolloutStep {
  const current = pods.filter(({ hash }) => hash === spec.hash);
  const old = pods.filter(({ hash }) => hash !== spec.hash);
  const surplus = dispensable(current).slice(0, Math.max(0, current.length - spec.replicas));
  const missing = Math.max(0, spec.replicas - current.length);
  if (old.length === 0) return { start: missing, end: surplus };
  if (spec.strategy === 'Recreate') return { start: 0, end: [...surplus, ...old.map(({ name }) => name)] };

  const { surge, unavailable } = limits(spec);
  const start = Math.min(missing, Math.max(0, spec.replicas + surge - pods.length));
  // Old pods that are not ready serve nobody; those that are may go as long as enough others are ready.
  const ready = pods.filter((pod) => pod.ready).length;
  const spare = Math.max(0, ready - (spec.replicas - unavailable));
  const unready = old.filter((pod) => !pod.ready).map(({ name }) => name);
  const going = dispensable(old.filter((pod) => pod.ready)).slice(0, spare);
  return { start, end: [...surplus, ...unready, ...going] };
}

/** Absolute counts: percentages of the replicas, surge rounded up and unavailable down, never both zero. */
export function limits({ replicas, maxSurge = '25%', maxUnavailable = '25%' }: RolloutSpec): {
  surge: number;
  unavailable: number;
} {
  const surge = count(maxSurge, replicas, Math.ceil);
  const unavailable = count(maxUnavailable, replicas, Math.floor);
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable };
}

function count(value: number | string, replicas: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? round((replicas * Number.parseFloat(value)) / 100) : Number.parseInt(value, 10) || 0;
}

/** Names, those that would be missed least first: not ready before ready, young before old. */
const dispensable = (pods: readonly ReplicaPod[]): string[] =>
  [...pods].sort((a, b) => Number(a.ready) - Number(b.ready) || (a.createdAt < b.createdAt ? 1 : -1)).map(({ name }) => name);
