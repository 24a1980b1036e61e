// How long one change takes until the last proxy that it concerns has answered.

/** Counts, per change (by its time), the responses that went out for it and still lack an answer. */
export class Waves {
  readonly #waiting = new Map<number, number>();
  readonly #onSettled: (seconds: number) => void;

  constructor(onSettled: (seconds: number) => void) {
    this.#onSettled = onSettled;
  }

  sent(changedAt: number): void {
    this.#waiting.set(changedAt, (this.#waiting.get(changedAt) ?? 0) + 1);
  }

  answered(changedAt: number, now: number): void {
    const left = (this.#waiting.get(changedAt) ?? 0) - 1;
    if (left > 0) {
      this.#waiting.set(changedAt, left);
      return;
    }
    if (this.#waiting.delete(changedAt)) this.#onSettled((now - changedAt) / 1000);
  }
}
