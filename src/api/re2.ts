// Whether Envoy's regular expression engine (RE2) would take an expression: it has no look-around and no back references.

/** Istio refuses longer ones, and Envoy's program-size limit would. */
const maxLength = 1024;
const maxRepeat = 1000;

const classEscapes = 'dDsSwWpPabfnrtvQExABCz';

/** What is wrong with an expression, in words; undefined if RE2 compiles it. */
export function re2Problem(source: string): string | undefined {
  if (source.length > maxLength) return `is ${source.length} characters long, ${maxLength} at most are allowed`;
  const scan = new Scan(source);
  scan.alternatives();
  if (scan.problem === undefined && scan.at < source.length) return 'has an unexpected )';
  return scan.problem;
}

/** A recursive-descent reader of the syntax; the length limit bounds its depth. */
class Scan {
  readonly source: string;
  at = 0;
  problem: string | undefined;

  constructor(source: string) {
    this.source = source;
  }

  alternatives(): void {
    let repeatable = false;
    while (this.problem === undefined && this.at < this.source.length) {
      const character = this.source[this.at] ?? '';
      if (character === ')') return;
      this.at++;
      if (character === '|') repeatable = false;
      else if (character === '*' || character === '+' || character === '?') repeatable = this.#repeat(character, repeatable);
      else if (character === '{' && this.#counted()) repeatable = this.#repeat('{', repeatable);
      else repeatable = this.#one(character);
    }
  }

  #fail(problem: string): false {
    this.problem ??= problem;
    return false;
  }

  #repeat(sign: string, repeatable: boolean): boolean {
    if (!repeatable) return this.#fail(`has ${sign === '{' ? 'a count' : sign} with nothing before it to repeat`);
    // `+?` is lazy; two repeats in a row are an error in RE2.
    if (this.source[this.at] === '?') this.at++;
    return false;
  }

  /** `{2}`, `{2,}`, `{2,5}` after the brace; anything else is a brace as such. */
  #counted(): boolean {
    const found = /^([0-9]+)(,([0-9]*))?\}/.exec(this.source.slice(this.at, this.at + 16));
    if (found === null) return false;
    const [whole, least = '0', , most = ''] = found;
    this.at += whole.length;
    const low = Number(least);
    const high = most === '' ? low : Number(most);
    if (low > maxRepeat || high > maxRepeat) this.#fail(`repeats more than ${maxRepeat} times`);
    else if (high < low) this.#fail('has a count whose end is below its start');
    return true;
  }

  #one(character: string): boolean {
    if (character === '(') return this.#group();
    if (character === '[') return this.#class();
    if (character === '\\') return this.#escape();
    return true;
  }

  #group(): boolean {
    if (this.source[this.at] === '?') {
      const opening = /^\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|[imsU]*(?:-[imsU]+)?[:)])/.exec(this.source.slice(this.at));
      if (opening === null) {
        const ahead = /^\?<?[=!]/.test(this.source.slice(this.at));
        return this.#fail(ahead ? 'uses look-ahead or look-behind, which RE2 does not have' : 'has a group of an unknown kind');
      }
      this.at += opening[0].length;
      if (opening[0].endsWith(')')) return false;
    }
    this.alternatives();
    if (this.problem !== undefined) return false;
    if (this.source[this.at] !== ')') return this.#fail('lacks a closing )');
    this.at++;
    return true;
  }

  #class(): boolean {
    if (this.source[this.at] === '^') this.at++;
    for (let first = true; this.at < this.source.length; first = false) {
      const character = this.source[this.at] ?? '';
      this.at++;
      if (character === ']' && !first) return true;
      if (character === '\\' && !this.#escape()) return false;
      if (character === '[' && this.source[this.at] === ':') {
        const named = /^:\^?[a-z]+:\]/.exec(this.source.slice(this.at));
        if (named === null) return this.#fail('has an unknown character class');
        this.at += named[0].length;
      }
    }
    return this.#fail('lacks a closing ]');
  }

  #escape(): boolean {
    const character = this.source[this.at];
    if (character === undefined) return this.#fail('ends with a backslash');
    this.at++;
    if (/[1-9]/.test(character)) return this.#fail('uses a back reference, which RE2 does not have');
    if (character === 'Q') {
      const end = this.source.indexOf('\\E', this.at);
      this.at = end < 0 ? this.source.length : end + 2;
      return true;
    }
    if (/[A-Za-z]/.test(character) && !classEscapes.includes(character))
      return this.#fail(`has an unknown escape \\${character}`);
    return true;
  }
}
