// How a journey ends: every end that it can have, with its share, the most frequent first.

import type { Explanation, Outcome, Step, StepOrigin } from './explanation.ts';
import { clusterText, tunnelCluster } from './istio-names.ts';
import type { Journey } from './journey.ts';

export interface Ending {
  /** Of all such requests, 0 to 1. */
  readonly share: number;
  /** At whose proxy. */
  readonly proxy: string;
  readonly kind: 'arrives' | Exclude<Outcome['kind'], 'forwarded'>;
  /** Where it arrives; else empty. */
  readonly cluster: string;
  /** What the proxy answers, or the one before it where a connection is closed. */
  readonly status?: number;
  readonly flags: string;
  /** In words: the last step's, or Envoy's. Where it arrives by a tunnel, the tunnel's end. */
  readonly because: string;
  readonly origins: readonly StepOrigin[];
}

export function endingsOf(journey: Journey): Ending[] {
  const all = [...endings(journey, 1)].filter(({ share }) => share > 1e-9);
  const merged = Map.groupBy(all, ({ proxy, kind, cluster, status, because }) =>
    JSON.stringify([proxy, kind, cluster, status, because]),
  );
  return [...merged.values()]
    .flatMap((same) => (same[0] === undefined ? [] : [{ ...same[0], share: same.reduce((sum, { share }) => sum + share, 0) }]))
    .toSorted((a, b) => b.share - a.share);
}

function* endings(journey: Journey, share: number): Generator<Ending> {
  yield* endingsOfWay(journey, share * journey.explanation.probability);
  for (const other of journey.otherwise) yield* endingsOfWay(other, share * other.explanation.probability);
}

function* endingsOfWay({ proxy, explanation, onward }: Journey, share: number): Generator<Ending> {
  const { outcome, steps } = explanation;
  if (outcome.kind !== 'forwarded') {
    const last = decisive(explanation);
    yield { share, proxy, ...ended(outcome), because: last?.text ?? outcome.because, origins: last?.origins ?? [] };
    return;
  }
  for (const { cluster, share: part, failure, destination } of outcome.targets) {
    const onwards = onward.filter((each) => each.cluster === cluster);
    if (failure !== undefined) {
      const own = steps.filter(({ name }) => name === cluster);
      const why = own.find(({ effect }) => effect === 'ends');
      yield {
        share: share * part,
        proxy,
        ...ended(failure),
        because: failedText(cluster, why?.text ?? failure.because),
        origins: own.flatMap(({ origins }) => origins),
      };
      continue;
    }
    for (const next of onwards) {
      if (next.refusal !== undefined) {
        const http = outcome.limits !== undefined;
        const own = steps.filter(({ name }) => name === cluster).flatMap(({ origins }) => origins);
        const end = { proxy, cluster: '', flags: 'UF', because: next.refusal, origins: own };
        yield { share: share * next.share, ...end, kind: http ? 'answered' : 'closed', ...(http && { status: 503 }) };
        continue;
      }
      for (const ending of endings(next.journey, share * next.share)) {
        // A proxy that waits for an answer says what it gets in its place.
        yield ending.kind === 'closed' && outcome.limits !== undefined ? { ...ending, status: 503 } : ending;
      }
    }
    const followed = onwards.reduce((sum, next) => sum + next.share, 0);
    // A tunnel says itself where it goes.
    const because = cluster === tunnelCluster ? (destination?.dialled ?? '') : '';
    yield { share: share * Math.max(0, part - followed), proxy, kind: 'arrives', cluster, flags: '', because, origins: [] };
  }
}

/** The step that made an end: the last, or what found no route. */
function decisive({ steps, outcome }: Explanation): Step | undefined {
  const found = outcome.kind === 'answered' && outcome.flags === 'NR' ? routing(steps) : undefined;
  return found ?? steps.findLast(({ effect }) => effect === 'ends') ?? steps.at(-1);
}

const routing = (steps: readonly Step[]): Step | undefined =>
  steps.findLast(({ kind }) => kind === 'route' || kind === 'virtual host');

/** `reviews.default.svc.cluster.local:9080 (subset v2) has no endpoints`. */
const failedText = (cluster: string, text: string): string =>
  /^it (?:has|goes)/.test(text)
    ? `${clusterText(cluster)} ${text.replace(/^it goes to.*, which/, 'is a cluster which').replace(/^it /, '')}`
    : text;

const ended = (
  outcome: Exclude<Outcome, { readonly kind: 'forwarded' }>,
): Pick<Ending, 'kind' | 'status' | 'flags' | 'cluster'> => ({
  kind: outcome.kind,
  cluster: '',
  flags: outcome.kind === 'unknown' ? '' : outcome.flags,
  ...(outcome.kind === 'answered' && { status: outcome.status }),
});
