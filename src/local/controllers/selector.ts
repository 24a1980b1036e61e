// Whether a Service's selector picks a pod.

type Labels = Readonly<Record<string, string>>;

/** An empty set selects nothing, as in a Service without a selector. */
export function selects(wanted: Labels | undefined, labels: Labels): boolean {
  const entries = Object.entries(wanted ?? {});
  return entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}
