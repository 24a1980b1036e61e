// What is true of a piece of configuration, as labelled words: two lists of facts tell what changed in words of people.

import type { StepOrigin } from '../explanation.ts';
import type { ChangeLine } from './plan.ts';

/** By label: `timeout` → `10 s`. What is not there is as Envoy has it by default. */
export type Facts = ReadonlyMap<string, string>;

export const changedLabels = (before: Facts, after: Facts): Set<string> =>
  new Set([...before.keys(), ...after.keys()].filter((label) => before.get(label) !== after.get(label)));

/** `timeout 10 s → 2 s`, one for each fact that is another. */
export const changedFacts = (before: Facts, after: Facts): string[] =>
  [...changedLabels(before, after)].map((label) => `${label} ${before.get(label) ?? 'none'} → ${after.get(label) ?? 'none'}`);

export const factsText = (facts: Facts): string => [...facts].map(([label, words]) => `${label} ${words}`).join(', ');

/** A line for each; a subject before it says what it is of. */
export const changedLines = (subject: string, texts: readonly string[], origins: readonly StepOrigin[]): ChangeLine[] =>
  texts.map((text) => ({ sign: '~', text: subject === '' ? text : `${subject}: ${text}`, origins }));

/** Facts in their order, without those that have no words. */
export const factsOf = (entries: readonly (readonly [label: string, words: string | undefined])[]): Facts =>
  new Map(entries.flatMap(([label, words]) => (words === undefined || words === '' ? [] : [[label, words] as const])));
