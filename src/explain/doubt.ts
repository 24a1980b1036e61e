// What of a request nobody wrote down (its headers, its token): a condition on that holds or does not, and both ways are looked at.

export interface Doubt {
  /** Whether a condition holds that what is known does not decide. The same words are the same condition. */
  holds(condition: string): boolean;
  /** What was taken of it already; undefined: nothing yet. */
  taken(condition: string): boolean | undefined;
}

/** Which conditions were taken to hold, and which not to. */
export type Taken = ReadonlyMap<string, boolean>;

export interface Case<Result> {
  readonly taken: Taken;
  readonly result: Result;
}

/**
 * Runs once for each way in which the conditions that it asks for can be, from what is taken already on. A run asks for the same as long as
 * it gets the same answers. Undefined: there are more ways than `most`.
 */
export function everyCase<Result>(
  run: (doubt: Doubt) => Result,
  from: Taken = new Map(),
  most = mostCases,
): Case<Result>[] | undefined {
  const cases: Case<Result>[] = [];
  const open: Taken[] = [from];
  for (let start = open.pop(); start !== undefined; start = open.pop()) {
    if (cases.length === most) return undefined;
    const taken = new Map(start);
    const result = run({
      taken: (condition) => taken.get(condition),
      holds(condition) {
        const known = taken.get(condition);
        if (known !== undefined) return known;
        open.push(new Map([...taken, [condition, true]]));
        taken.set(condition, false);
        return false;
      },
    });
    cases.push({ taken, result });
  }
  return cases;
}

/** More make nothing clearer. */
const mostCases = 32;
