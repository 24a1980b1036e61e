// How much of what goes well a proxy records: all, until that is more than a rate; then the share of requests that keeps to it. So what
// records cost is bounded, for the proxy and for its agent. What failed is not asked: it is always recorded.

import { wholeShare } from '../compile/listener/access-record.ts';

/** Records of requests that went well, each second, of one proxy: they take less than a hundredth of a core, and the ring holds few seconds of more. */
export const mostEachSecond = 200;
/** Milliseconds from one look at what came to the next. */
const lookInterval = 500;
/** So many records are looked at sooner. */
const enough = (mostEachSecond * 1.25 * lookInterval) / 1000;
/** Milliseconds: what comes at once has gathered in the proxy for as long. */
const gathered = 250;
/** A share grows by no more at a time: traffic that comes back is not recorded whole before it is seen. */
const steepest = 4;

/** `share` of `wholeShare`; `rate`: how many records each second came at it. */
export function nextShare(share: number, rate: number): number {
  if (rate > mostEachSecond * 0.75 && rate < mostEachSecond * 1.25) return share;
  const fitting = rate === 0 ? wholeShare : (share * mostEachSecond) / rate;
  return Math.max(1, Math.min(wholeShare, share * steepest, Math.floor(fitting)));
}

/** The share of one proxy, which is told of its records as they arrive. */
export class RecordShare {
  readonly #set: (share: number) => Promise<unknown>;
  #share = wholeShare;
  #arrived = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #ended = false;

  /** `set` brings a share to the proxy. Where it rejects, it is called again. */
  constructor(set: (share: number) => Promise<unknown>) {
    this.#set = set;
  }

  /** Of `wholeShare`: what the proxy records now. */
  get current(): number {
    return this.#share;
  }

  arrived(records: number): void {
    this.#arrived += records;
    if (this.#looking) return;
    if (this.#timer === undefined) this.#lookLater();
    if (this.#arrived > enough) void this.#look();
  }

  #lookLater(): void {
    if (this.#ended) return;
    this.#since = performance.now();
    this.#timer = setTimeout(() => void this.#look(), lookInterval).unref();
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rate = (this.#arrived * 1000) / Math.max(gathered, performance.now() - this.#since);
    this.#arrived = 0;
    const wanted = nextShare(this.#share, rate);
    if (wanted !== this.#share) {
      this.#looking = true;
      const isSet = await this.#set(wanted).then(
        () => true,
        () => false,
      );
      this.#looking = false;
      if (isSet) this.#share = wanted;
    }
    // With all recorded and nothing that comes there is nothing to look at.
    if (this.#share < wholeShare || this.#arrived > 0 || rate > 0) this.#lookLater();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}
