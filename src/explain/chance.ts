// What a configuration leaves to chance (a share of faults, of routes): every way that things can go, with how likely it is.

export interface Chance {
  /** Whether something of this probability happens, this time. */
  happens(probability: number): boolean;
}

export interface Way<Result> {
  readonly result: Result;
  readonly probability: number;
}

/** More ways than a person reads; the unlikely ones are left out. */
const limit = 16;

/** Runs once for each way, likeliest first. A run asks the same questions in the same order as long as it gets the same answers. */
export function everyWay<Result>(run: (chance: Chance) => Result): [Way<Result>, ...Way<Result>[]] {
  const first = runWith([], run);
  const ways = [first.way];
  const open = [first];
  while (ways.length < limit) {
    const from = open.shift();
    if (from === undefined) break;
    for (let at = from.given; at < from.answers.length && ways.length < limit; at++) {
      const other = runWith([...from.answers.slice(0, at), from.answers[at] === false], run);
      ways.push(other.way);
      open.push(other);
    }
  }
  const [likeliest = first.way, ...others] = ways.toSorted((a, b) => b.probability - a.probability);
  return [likeliest, ...others];
}

function runWith<Result>(given: readonly boolean[], run: (chance: Chance) => Result) {
  const answers: boolean[] = [];
  let probability = 1;
  const result = run({
    happens(share) {
      if (share <= 0) return false;
      if (share >= 1) return true;
      const answer = given[answers.length] ?? share > 0.5;
      answers.push(answer);
      probability *= answer ? share : 1 - share;
      return answer;
    },
  });
  return { way: { result, probability }, answers, given: given.length };
}
