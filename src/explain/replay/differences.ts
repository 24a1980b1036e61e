// In what two answers differ: each difference with its kind, in words, and with what decides on either side.

import { parseOutboundCluster } from '../../compile/names.ts';
import type { StepOrigin } from '../explanation.ts';
import { percentText } from '../passage.ts';
import { aspects, type Answer, type Aspect, type Shares } from './answer.ts';

/** `subset` and `share` are of the same service. */
export type DifferenceKind = Aspect | 'subset' | 'share';

export interface AnswerDifference {
  readonly kind: DifferenceKind;
  /** `reviews.default:9080 v1 90 %, reviews.default:9080 v3 10 %`; empty for none. */
  readonly before: string;
  readonly after: string;
  readonly beforeOrigins: readonly StepOrigin[];
  readonly afterOrigins: readonly StepOrigin[];
}

/** What follows from another difference is not told again. */
const follows: Readonly<Partial<Record<Aspect, readonly Aspect[]>>> = { servers: ['destination'], transport: ['destination'] };

export function differencesOf(before: Answer, after: Answer): AnswerDifference[] {
  const differ = new Set(aspects.filter((aspect) => differs(aspect, before.aspects[aspect], after.aspects[aspect])));
  return [...differ].flatMap((aspect): AnswerDifference[] => {
    if (follows[aspect]?.some((other) => differ.has(other)) === true) return [];
    const [was, is] = [before.aspects[aspect], after.aspects[aspect]];
    return [
      {
        kind: aspect === 'destination' ? kindOfMove(before, after) : aspect,
        ...side('before', sharesText(was, aspect), originsOf(before, aspect)),
        ...side('after', sharesText(is, aspect), originsOf(after, aspect)),
      },
    ];
  });
}

/** Nothing is nobody's. */
const side = <Side extends 'before' | 'after'>(name: Side, text: string, origins: readonly StepOrigin[]) =>
  ({ [name]: text, [`${name}Origins`]: text === '' ? [] : origins }) as Record<Side, string> &
    Record<`${Side}Origins`, readonly StepOrigin[]>;

/** Taken by another rule, or none, on one side. */
export const hasOtherRule = (before: Answer, after: Answer): boolean => before.rule?.words !== after.rule?.words;

/** How it would be sent says nothing where it is not sent at all: then the verdict does. */
function differs(aspect: Aspect, was: Shares, is: Shares): boolean {
  if (aspect !== 'verdict' && aspect !== 'fault' && (was.size === 0 || is.size === 0)) return false;
  return [...new Set([...was.keys(), ...is.keys()])].some((key) => Math.abs((was.get(key) ?? 0) - (is.get(key) ?? 0)) > 1e-6);
}

function kindOfMove(before: Answer, after: Answer): DifferenceKind {
  const [was, is] = [before, after].map(({ clusters }) => new Set(clusters));
  if (was === undefined || is === undefined) return 'destination';
  if (was.size === is.size && [...was].every((name) => is.has(name))) return 'share';
  const services = (names: ReadonlySet<string>): string =>
    [
      ...new Set(
        [...names].map((name) => {
          const parts = parseOutboundCluster(name);
          return parts === undefined ? name : `${parts.host}:${parts.port}`;
        }),
      ),
    ]
      .sort()
      .join();
  return services(was) === services(is) ? 'subset' : 'destination';
}

/** The most likely first; of several that are as likely, by name. */
function sharesText(shares: Shares, aspect: Aspect): string {
  const all = [...shares].filter(([, share]) => share > 1e-6).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  // Faults say themselves for how many.
  if (aspect === 'fault') return all.flatMap(([words]) => words || []).join('; ');
  const several = all.length > 1;
  return all.map(([words, share]) => (several ? `${words || 'none'} ${percentText(share)}` : words)).join(', ');
}

function originsOf(answer: Answer, aspect: Aspect): readonly StepOrigin[] {
  const own = answer.origins[aspect] ?? [];
  return own.length > 0 ? own : (answer.rule?.origins ?? []);
}
