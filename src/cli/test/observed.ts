// What became of a request, in the terms that expectations use.

import { parseOutboundCluster } from '../../compile/names.ts';
import type { Forwarded, StepOrigin, Target } from '../../explain/explanation.ts';
import type { Journey } from '../../explain/journey.ts';
import type { Answer } from '../why/ask.ts';

export interface Observed {
  readonly answer: Answer;
  /** 0 to 1. */
  readonly arrives: number;
  readonly closed: number;
  /** The statuses with which the mesh answers itself, 0 to 1. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Where the caller's proxy sends it, with the share of all such requests. */
  readonly targets: readonly { readonly target: Target; readonly share: number }[];
  /** Those of its ways that are sent on. */
  readonly forwarded: readonly Forwarded[];
  readonly locations: readonly string[];
  /** The objects and fields that took the request, at every proxy on its way. */
  readonly decided: readonly StepOrigin[];
}

export function observe(answer: Answer): Observed {
  const { journey, endings } = answer;
  const ways = journey === undefined ? [] : [journey, ...journey.otherwise].map(({ explanation }) => explanation);
  const share = (kind: string): number => endings.filter((each) => each.kind === kind).reduce((sum, each) => sum + each.share, 0);
  const statuses = new Map<number, number>();
  for (const { status, share: part } of endings) {
    if (status !== undefined) statuses.set(status, (statuses.get(status) ?? 0) + part);
  }
  const forwarded = ways.flatMap(({ outcome, probability }) => (outcome.kind === 'forwarded' ? [{ outcome, probability }] : []));
  return {
    answer,
    arrives: share('arrives'),
    closed: share('closed'),
    statuses,
    targets: forwarded.flatMap(({ outcome, probability }) =>
      outcome.targets.map((target) => ({ target, share: target.share * probability })),
    ),
    forwarded: forwarded.map(({ outcome }) => outcome),
    locations: ways.flatMap(({ outcome }) =>
      outcome.kind === 'answered' ? outcome.headers.flatMap(([name, value]) => (name === 'location' ? [value] : [])) : [],
    ),
    decided: journey === undefined ? [] : decidedOn(journey),
  };
}

/** What was only looked at took no part. */
function decidedOn({ explanation, onward, otherwise }: Journey): StepOrigin[] {
  return [
    ...explanation.steps.flatMap(({ origins, considered }) => (considered === true ? [] : origins)),
    ...otherwise.flatMap(decidedOn),
    ...onward.flatMap((each) => decidedOn(each.journey)),
  ];
}

/** `reviews.default.svc.cluster.local` of a service's cluster. */
export const hostOf = ({ cluster }: Target): string | undefined => parseOutboundCluster(cluster)?.host;

export const subsetOf = ({ cluster }: Target): string => parseOutboundCluster(cluster)?.subset ?? '';
