// Recorded requests, asked again of a mesh before and after a change: how many would be answered differently, in what, and which. What
// the records do not hold and an answer depends on is not guessed.

import { blackHoleCluster, passthroughCluster } from '../../compile/names.ts';
import { compareText } from '../../lib/order.ts';
import { everyCase, type Case, type Doubt } from '../doubt.ts';
import type { Journey } from '../journey.ts';
import { answerOf, unsent, type Answer } from './answer.ts';
import { differencesOf, hasOtherRule, type AnswerDifference, type DifferenceKind } from './differences.ts';

/** Requests that were the same, as far as records tell. */
export interface RecordedRequest {
  /** Of the last of them. */
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly caller: string;
  /** `GET http://reviews:9080/reviews/0`. */
  readonly request: string;
  /** How many. */
  readonly count: number;
  readonly outcome: RecordedOutcome;
}

/** What became of it, as far as it says what the request was. */
export interface RecordedOutcome {
  /** Envoy's name of where it was sent; empty where it was not. */
  readonly cluster: string;
  /** `VirtualService/default/reviews#spec.http[0]`; empty where the proxy did not say. */
  readonly rule: string;
  /** Whether a destination's policy refused it; undefined where no destination told. */
  readonly refused: boolean | undefined;
}

/** The way of a request through a mesh; why it cannot be asked there; or why its caller would not get as far as to send it. */
export type Asked = Journey | { readonly none: string } | { readonly unsent: string };

export interface Replay {
  /** All that were to be replayed. */
  readonly recorded: number;
  /** About so many more went well, of which there are no records. */
  readonly unrecorded: number;
  readonly replayed: number;
  /** Answered as before, by the same rule, and by another. */
  readonly same: number;
  readonly sameByAnotherRule: number;
  readonly different: number;
  readonly undecided: number;
  /** How many of those that are answered differently are so in this. */
  readonly kinds: readonly { readonly kind: DifferenceKind; readonly requests: number }[];
  /** The most requests first. */
  readonly differences: readonly ReplayDifference[];
  /** What the answer hangs on and no record holds. */
  readonly undecidedBy: readonly ReplayGroup[];
  /** Those that could not be asked again, by why. */
  readonly notReplayed: readonly ReplayGroup[];
  /** Of those that were: the mesh before the change would not have answered them as they were, so it was another one then. */
  readonly answeredOtherwise: ReplayGroup | undefined;
}

export interface ReplayDifference {
  readonly in: readonly AnswerDifference[];
  readonly requests: number;
  readonly examples: readonly ReplayExample[];
}

export interface ReplayGroup {
  readonly why: string;
  readonly requests: number;
  readonly examples: readonly ReplayExample[];
}

export type ReplayExample = Omit<RecordedRequest, 'outcome'>;

/** What is known of one request after the first side. */
type Before = { readonly none: string } | { readonly cases: readonly Case<Answer>[]; readonly stale: boolean } | 'too many';

const tooMany = 'more conditions on what is not recorded than are looked at';

/** Asks one side; answers that are equal are one, so that a hundred thousand take the room of the few that differ. */
function asker<Request>(ask: (request: Request, doubt: Doubt) => Asked) {
  const known = new Map<string, Answer | { readonly none: string }>();
  return (request: Request, doubt: Doubt): Answer | { readonly none: string } => {
    const asked = ask(request, doubt);
    const answer = 'none' in asked ? asked : 'unsent' in asked ? unsent(asked.unsent) : answerOf(asked);
    const key = JSON.stringify(answer, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
    const same = known.get(key);
    if (same === undefined) known.set(key, answer);
    return same ?? answer;
  };
}

/** The first side: gives what the second is asked with. */
export function replay<Request extends RecordedRequest>(
  requests: readonly Request[],
  ask: (request: Request, doubt: Doubt) => Asked,
): (askAfter: (request: Request, doubt: Doubt) => Asked) => Replay {
  const answer = asker(ask);
  const befores = requests.map((request): Before => {
    const cases = everyCase((doubt) => answer(request, doubt));
    if (cases === undefined) return 'too many';
    const [none] = cases.flatMap(({ result }) => ('none' in result ? [result] : []));
    if (none !== undefined) return none;
    const all = cases as readonly Case<Answer>[];
    // What became of it tells of what it had: only what agrees with that can have been.
    const possible = all.filter(({ result }) => agrees(result, request.outcome));
    return possible.length === 0 ? { cases: all, stale: true } : { cases: possible, stale: false };
  });
  return (askAfter) => {
    const tally = new Tally();
    const next = asker(askAfter);
    for (const [index, request] of requests.entries()) {
      const before = befores[index];
      if (before !== undefined) tally.take(request, before, next);
    }
    return tally.result();
  };
}

function agrees({ clusters, rule, passes, refused }: Answer, outcome: RecordedOutcome): boolean {
  // On demand, hosts that nobody declared have clusters of their own names.
  const undeclared = clusters.length > 0 && clusters.every((name) => name === passthroughCluster || name === blackHoleCluster);
  if (outcome.cluster !== '' && !undeclared && !clusters.includes(outcome.cluster)) return false;
  const [origin] = rule?.origins ?? [];
  if (outcome.rule !== '' && origin !== undefined && `${origin.object}#${origin.path}` !== outcome.rule) return false;
  return outcome.refused === undefined || (outcome.refused ? refused : passes || clusters.length > 0);
}

interface Count {
  requests: number;
  readonly examples: ReplayExample[];
}

class Groups<Of> {
  readonly #byKey = new Map<string, Count & { readonly of: Of }>();

  add(key: string, of: Of, { outcome: _outcome, ...example }: RecordedRequest): void {
    let group = this.#byKey.get(key);
    if (group === undefined) this.#byKey.set(key, (group = { of, requests: 0, examples: [] }));
    group.requests += example.count;
    const { id, time, caller, request, count } = example;
    group.examples.push({ id, time, caller, request, count });
  }

  /** The most requests first; examples of the most requests first, and of as many the last. */
  all(): (Count & { readonly of: Of })[] {
    const groups = [...this.#byKey]
      .sort(([a, x], [b, y]) => y.requests - x.requests || compareText(a, b))
      .map(([, each]) => each);
    for (const { examples } of groups)
      examples.sort((a, b) => b.count - a.count || compareText(b.time, a.time) || compareText(a.id, b.id));
    return groups;
  }
}

class Tally {
  readonly #differences = new Groups<readonly AnswerDifference[]>();
  readonly #undecided = new Groups<string>();
  readonly #none = new Groups<string>();
  readonly #stale = new Groups<string>();
  readonly #kinds = new Map<DifferenceKind, number>();
  readonly #counts = { recorded: 0, same: 0, sameByAnotherRule: 0, different: 0, undecided: 0, none: 0 };

  take<Request extends RecordedRequest>(
    request: Request,
    before: Before,
    next: (request: Request, doubt: Doubt) => Answer | { readonly none: string },
  ): void {
    const counts = this.#counts;
    counts.recorded += request.count;
    if (before !== 'too many' && 'none' in before) return this.#notReplayed(request, before.none);
    if (before === 'too many') return this.#leaveOpen(request, tooMany);
    if (before.stale) this.#stale.add('', '', request);
    const pairs: { readonly was: Answer; readonly is: Answer; readonly taken: ReadonlyMap<string, boolean> }[] = [];
    for (const { taken: from, result: was } of before.cases) {
      const cases = everyCase((doubt) => next(request, doubt), from);
      if (cases === undefined) return this.#leaveOpen(request, tooMany);
      for (const { taken, result: is } of cases) {
        if ('none' in is) return this.#notReplayed(request, is.none);
        pairs.push({ was, is, taken });
      }
    }
    const unknown = pairs.flatMap(({ was, is }) =>
      is.unknown.filter((each) => !was.unknown.includes(each)).concat(was.unknown.filter((each) => !is.unknown.includes(each))),
    );
    if (unknown[0] !== undefined) return this.#leaveOpen(request, unknown[0]);
    const compared = pairs.map(({ was, is }) => {
      const differences = differencesOf(was, is);
      return { differences, key: JSON.stringify(differences), otherRule: hasOtherRule(was, is) };
    });
    const [first] = compared;
    if (first === undefined) return;
    const differing = compared.filter(({ differences }) => differences.length > 0);
    if (differing.length > 0 && differing.length < compared.length) {
      return this.#leaveOpen(
        request,
        decisive(pairs.map(({ taken }, index) => ({ taken, differs: compared[index]?.differences.length !== 0 }))),
      );
    }
    if (differing.length === 0) {
      if (compared.some(({ otherRule }) => otherRule)) counts.sameByAnotherRule += request.count;
      else counts.same += request.count;
      return;
    }
    counts.different += request.count;
    // In what may hang on what is not recorded; that it differs does not.
    this.#differences.add(first.key, first.differences, request);
    for (const kind of new Set(first.differences.map((each) => each.kind)))
      this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + request.count);
  }

  #notReplayed(request: RecordedRequest, why: string): void {
    this.#counts.none += request.count;
    this.#none.add(why, why, request);
  }

  #leaveOpen(request: RecordedRequest, why: string): void {
    this.#counts.undecided += request.count;
    this.#undecided.add(why, why, request);
  }

  result(): Replay {
    const { recorded, none, ...counts } = this.#counts;
    const groups = (of: Groups<string>): ReplayGroup[] =>
      of.all().map(({ of: why, requests, examples }) => ({ why, requests, examples }));
    return {
      recorded,
      unrecorded: 0,
      replayed: recorded - none,
      ...counts,
      kinds: [...this.#kinds]
        .map(([kind, requests]) => ({ kind, requests }))
        .sort((a, b) => b.requests - a.requests || compareText(a.kind, b.kind)),
      differences: this.#differences.all().map(({ of, requests, examples }) => ({ in: of, requests, examples })),
      undecidedBy: groups(this.#undecided),
      notReplayed: groups(this.#none),
      answeredOtherwise: groups(this.#stale)[0],
    };
  }
}

/** The conditions without which it would be decided: those that differ between a case that differs and one that does not. */
function decisive(cases: readonly { readonly taken: ReadonlyMap<string, boolean>; readonly differs: boolean }[]): string {
  const of = (differs: boolean) => cases.filter((each) => each.differs === differs).map(({ taken }) => taken);
  let fewest: string[] | undefined;
  for (const one of of(true)) {
    for (const other of of(false)) {
      const conditions = [...new Set([...one.keys(), ...other.keys()])].filter((key) => one.get(key) !== other.get(key)).sort();
      if (fewest === undefined || conditions.length < fewest.length) fewest = conditions;
    }
  }
  return `it hangs on ${(fewest ?? []).join(' and ')}`;
}
