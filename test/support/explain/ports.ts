// The upstream servers' ports: scenes have the same numbers in every run, and stand for whatever ports this machine has free, so that
// two runs beside each other do not meet. Whatever goes to the proxy has the real ones, whatever comes back the scene's.

export interface Ports {
  /** Configuration and requests, with real ports. */
  real<Value>(value: Value): Value;
  /** What was observed, with the scene's ports. */
  told<Value>(value: Value): Value;
}

/** Both in the same order of numbers, so that what is sorted by port stays sorted. */
export function portsOf(scene: readonly number[], free: readonly number[]): Ports {
  const [from, to] = [scene, free].map((list) => list.toSorted((a, b) => a - b).map(String));
  return { real: replacing(from ?? [], to ?? []), told: replacing(to ?? [], from ?? []) };
}

function replacing(from: readonly string[], to: readonly string[]) {
  const other = new Map(from.map((port, index) => [port, to[index] ?? port]));
  const pattern = new RegExp(`\\b(?:${from.join('|')})\\b`, 'g');
  return <Value>(value: Value): Value =>
    JSON.parse(JSON.stringify(value).replace(pattern, (port) => other.get(port) ?? port)) as Value;
}
