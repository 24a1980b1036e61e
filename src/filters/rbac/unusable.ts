// A value of a policy that no matcher can be made of. Read by rule.ts, which knows what that means for the rule.

/** What is wrong with a value, to follow the value in a sentence, and what to write instead. */
export interface Unusable {
  readonly unusable: string;
  readonly help: string;
}

export const unusable = (what: string, help: string): Unusable => ({ unusable: what, help });

export const isUnusable = (made: object): made is Unusable => 'unusable' in made;
