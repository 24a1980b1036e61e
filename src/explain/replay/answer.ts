// How a request is answered, as little of it as tells two answers apart: shares of what can become of it, aspect by aspect.

import { clusterWords } from '../plan/names.ts';
import { endingsOf, type Ending } from '../ending.ts';
import type { Explanation, Forwarded, Step, StepOrigin, Target } from '../explanation.ts';
import type { Journey } from '../journey.ts';
import { timeText } from '../milliseconds.ts';
import { listed, percentText } from '../passage.ts';

/**
 * `destination`: the service, port and subset. `servers`: whose pods. `transport`: TLS or not. `verdict`: whether it arrives, or what it
 * is answered. `request`, `response`: what is changed of them.
 */
export const aspects = [
  'destination',
  'servers',
  'transport',
  'verdict',
  'timeout',
  'retries',
  'request',
  'response',
  'mirror',
  'fault',
] as const;
export type Aspect = (typeof aspects)[number];

/** What can be, in words, each with how likely it is: 0 to 1. */
export type Shares = ReadonlyMap<string, number>;

export interface Answer {
  readonly aspects: Readonly<Record<Aspect, Shares>>;
  /** What decides: of an aspect that is not here, the rule. */
  readonly origins: Readonly<Partial<Record<Aspect, readonly StepOrigin[]>>>;
  readonly rule: Rule | undefined;
  /** Envoy's names of the clusters that it may be sent to. */
  readonly clusters: readonly string[];
  /** Whether it may pass the proxies, and whether one may refuse it for a policy. */
  readonly passes: boolean;
  readonly refused: boolean;
  /** What others decide, or nobody here knows: in whole clauses. */
  readonly unknown: readonly string[];
}

/** The route that takes it at the first proxy. */
export interface Rule {
  /** `VirtualService/default/reviews: path "/a"`: the same wherever it stands in its object. */
  readonly words: string;
  readonly origins: readonly StepOrigin[];
}

export function answerOf(journey: Journey): Answer {
  const ways = [journey, ...journey.otherwise].map(({ explanation }) => explanation);
  const sent = ways.flatMap(({ outcome, probability }) => (outcome.kind === 'forwarded' ? [{ outcome, probability }] : []));
  const forwarded = sent.flatMap(({ outcome, probability }) =>
    outcome.targets.map((target): Weighed<Target> => ({ of: target, share: target.share * probability })),
  );
  const weighed = ways.map((of): Weighed<Explanation> => ({ of, share: of.probability }));
  const outcomes = sent.map(({ outcome, probability }): Weighed<Forwarded> => ({ of: outcome, share: probability }));
  // What a fault answers is an aspect of its own.
  const endings = endingsOf(journey).filter(({ flags }) => flags !== 'FI');
  const steps = ways.flatMap((each) => each.steps);
  const clusterOrigins = distinct(steps.filter(({ kind }) => kind === 'cluster').flatMap(({ origins }) => origins));
  return {
    aspects: {
      destination: shares(forwarded, ({ cluster }) => [[clusterWords(cluster), 1]]),
      servers: shares(forwarded, serversOf),
      transport: shares(forwarded, transportsOf),
      verdict: shares(
        endings.map((of) => ({ of, share: of.share })),
        (ending) => [[verdictWords(ending, ways), 1]],
      ),
      timeout: shares(outcomes, (outcome) => [[timeoutWords(outcome), 1]]),
      retries: shares(outcomes, (outcome) => [[retryWords(outcome), 1]]),
      request: shares(weighed.filter(isSent), ({ steps: own }) => [[detailsOf(own, 'request'), 1]]),
      response: shares(weighed.filter(isSent), ({ steps: own }) => [[responseWords(own), 1]]),
      mirror: shares(outcomes, ({ mirrors }) => [[mirrorWords(mirrors), 1]]),
      fault: shares(weighed, ({ steps: own }) => [[faultWords(own), 1]]),
    },
    origins: {
      verdict: distinct(endings.flatMap(({ origins }) => origins)),
      transport: clusterOrigins,
      servers: clusterOrigins,
    },
    rule: ruleOf(journey.explanation.steps),
    clusters: [...new Set(forwarded.map(({ of }) => of.cluster))],
    passes: endings.some(({ kind }) => kind === 'arrives'),
    refused: endings.some(({ kind, status }) => kind !== 'arrives' && (status === 403 || status === 401 || status === undefined)),
    unknown: [...new Set(unknownOf(journey))].sort(),
  };
}

/** Not sent at all: its caller finds nobody to send it to. */
export const unsent = (why: string): Answer => ({
  aspects: {
    destination: new Map(),
    servers: new Map(),
    transport: new Map(),
    verdict: new Map([[why, 1]]),
    timeout: new Map(),
    retries: new Map(),
    request: new Map(),
    response: new Map(),
    mirror: new Map(),
    fault: new Map(),
  },
  origins: {},
  rule: undefined,
  clusters: [],
  passes: false,
  refused: false,
  unknown: [],
});

interface Weighed<Item> {
  readonly of: Item;
  readonly share: number;
}

const isSent = ({ of }: Weighed<Explanation>): boolean => of.outcome.kind === 'forwarded';

/** Of all that are counted, so that what some never come to is told once. */
function shares<Item>(items: readonly Weighed<Item>[], words: (item: Item) => readonly (readonly [string, number])[]): Shares {
  const total = items.reduce((sum, { share }) => sum + share, 0);
  const found = new Map<string, number>();
  for (const { of, share } of items) {
    for (const [text, part] of words(of)) found.set(text, (found.get(text) ?? 0) + (part * share) / total);
  }
  return found;
}

function serversOf({ destination }: Target): (readonly [string, number])[] {
  return (destination?.groups ?? []).flatMap(({ share, endpoints }) => {
    const usable = endpoints.filter(({ healthy }) => healthy);
    const total = usable.reduce((sum, { weight }) => sum + weight, 0);
    return usable.map(({ workload, address, weight }) => [workload || address, (share * weight) / total] as const);
  });
}

function transportsOf({ destination }: Target): (readonly [string, number])[] {
  const modes = new Set(
    destination?.groups.flatMap(({ endpoints }) =>
      endpoints.map(({ tls }) => (tls === undefined ? 'plaintext' : tls.mode === 'mutual' ? 'mutual TLS' : 'TLS')),
    ),
  );
  return [[listed([...modes].sort(), 'or'), 1]];
}

/** A redirect or an answer of the route's own with what it says. */
function verdictWords({ kind, status }: Ending, ways: readonly Explanation[]): string {
  switch (kind) {
    case 'arrives':
      return 'arrives';
    case 'closed':
      return 'connection closed';
    case 'unknown':
      return 'not known';
    case 'answered': {
      const own = ways.flatMap(({ outcome }) => (outcome.kind === 'answered' && outcome.status === status ? outcome : []))[0];
      const location = own?.headers.find(([name]) => name === 'location')?.[1];
      const body = own?.because === 'direct_response' && own.body !== '' ? ` ${JSON.stringify(own.body.slice(0, 60))}` : '';
      return `answered ${status}${location === undefined ? '' : ` to ${location}`}${body}`;
    }
  }
}

function timeoutWords({ limits }: Forwarded): string {
  if (limits === undefined) return '';
  const { timeout, idleTimeout, maxStreamDuration } = limits;
  return [
    timeout === 0 ? 'no timeout' : `timeout ${timeText(timeout)}`,
    ...(idleTimeout === undefined ? [] : [`idle ${timeText(idleTimeout)}`]),
    ...(maxStreamDuration === undefined ? [] : [`stream ${timeText(maxStreamDuration)}`]),
  ].join(', ');
}

function retryWords({ limits }: Forwarded): string {
  const { retries } = limits ?? {};
  if (retries === undefined) return limits === undefined ? '' : 'no retries';
  const codes = retries.statusCodes.length === 0 ? '' : ` (${retries.statusCodes.join(', ')})`;
  const each = retries.perTryTimeout === 0 ? '' : `, ${timeText(retries.perTryTimeout)} each`;
  return `${retries.attempts} ${retries.attempts === 1 ? 'retry' : 'retries'} on ${retries.on}${codes}${each}`;
}

const mirrorWords = (mirrors: Forwarded['mirrors']): string =>
  listed(mirrors.map(({ cluster, share }) => `${clusterWords(cluster)}${share === 1 ? '' : ` ${percentText(share)}`}`));

const faultWords = (steps: readonly Step[]): string =>
  steps
    .filter(({ name, text }) => name === 'envoy.filters.http.fault' && !text.endsWith('not this one'))
    .map(({ text }) => text)
    .join('; ');

const detailsOf = (steps: readonly Step[], kind: 'request' | 'response'): string =>
  steps
    .filter((step) => step.kind === kind)
    .map(({ text, details }) => `${details.join(', ')}${/ for (.*)$/.exec(text)?.[0] ?? ''}`)
    .join('; ');

const responseWords = (steps: readonly Step[]): string =>
  [
    detailsOf(steps, 'response'),
    ...steps.filter(({ name, effect }) => name === 'envoy.filters.http.cors' && effect === 'passes').map(({ text }) => text),
  ]
    .filter((text) => text !== '')
    .join('; ');

function ruleOf(steps: readonly Step[]): Rule | undefined {
  const taken = steps.find(({ kind, considered }) => kind === 'route' && considered !== true);
  if (taken === undefined) return undefined;
  const [origin] = taken.origins;
  const wanted = taken.text.replace(/^.* takes it: /, '');
  return { words: `${origin?.object ?? taken.name}: ${wanted}`, origins: taken.origins };
}

/** Others are asked, or something is not read here: what they would do is on no side. */
function unknownOf({ explanation, onward, otherwise }: Journey): string[] {
  const { steps, missing, outcome } = explanation;
  return [
    ...steps.flatMap(({ effect, text }) => (effect === 'unknown' ? [text] : [])),
    ...missing,
    ...(outcome.kind === 'unknown' ? [outcome.because] : []),
    ...otherwise.flatMap(unknownOf),
    ...onward.flatMap((each) => unknownOf(each.journey)),
  ];
}

function distinct(origins: readonly StepOrigin[]): StepOrigin[] {
  const byText = new Map(origins.map((origin) => [`${origin.object}#${origin.path}`, origin]));
  return [...byText.values()];
}
