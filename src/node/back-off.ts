// How long to wait before the next try: longer each time, never the same for two, short again after good health.

export interface BackOffOptions {
  /** Milliseconds before the first retry; default 200. */
  readonly first?: number;
  /** Milliseconds that no wait exceeds; default 30,000. */
  readonly longest?: number;
  /** From 0 up to 1; default Math.random. */
  readonly random?: () => number;
}

export class BackOff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #tries = 0;

  constructor({ first = 200, longest = 30_000, random = Math.random }: BackOffOptions = {}) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** Milliseconds: between half of and the whole of a span that doubles with each call. */
  next(): number {
    const span = Math.min(this.#longest, this.#first * 2 ** this.#tries);
    this.#tries = Math.min(this.#tries + 1, 30);
    return span * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}
