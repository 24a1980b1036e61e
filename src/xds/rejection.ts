// Which resources a NACK is about: a proxy refuses a response as a whole, yet its text usually names the bad ones.

import type { Resource } from '../compile/resource.ts';

/** A resource that a proxy refused; it keeps the one it had before. */
export interface Rejection {
  readonly name: string;
  readonly version: string;
  /** The proxy's own words. */
  readonly message: string;
  /** Milliseconds on the server's clock. */
  readonly at: number;
}

/** Reading names out of a text is for pushes of this many resources. */
const mostSearched = 5_000;

/** The resources of a refused response that its text names. */
export const mentioned = (resources: readonly Resource[], message: string): readonly Resource[] =>
  resources.length > mostSearched ? [] : resources.filter(({ name }) => mentions(message, name));

/** Whether `name` stands in the text as a whole: `a.b` is not mentioned by `a.b.c`. */
function mentions(text: string, name: string): boolean {
  if (name === '') return false;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!partOfName(text[at - 1]) && !continuesName(text, at + name.length)) return true;
  }
  return false;
}

const partOfName = (character: string | undefined) => character !== undefined && /[\w.|~/-]/.test(character);

/** A dot or dash after a name ends a sentence unless more of a name follows. */
function continuesName(text: string, at: number): boolean {
  const next = text[at];
  return next === '.' || next === '-' ? partOfName(text[at + 1]) : partOfName(next);
}
