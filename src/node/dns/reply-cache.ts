// Answers of other servers, kept for their time to live, and never longer than half a minute. Used by the forwarder.

import { decode } from 'dns-packet';

const mostReplies = 1000;
/** Answers larger than this are not worth their memory. */
const largestReply = 4096;
const longestSeconds = 30;

interface Kept {
  readonly reply: Buffer;
  readonly until: number;
}

/**
 * Keyed by the query's bytes less its id, so that flags and EDNS options that could change an answer are part of the key.
 * The oldest goes when it is full. A kept reply is given out as it came: its times to live are then up to half a minute too
 * long, which is the price of not decoding it again.
 */
export class ReplyCache {
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get(query: Buffer): Buffer | undefined {
    const key = keyOf(query);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.until > this.#now()) return kept.reply;
    this.#kept.delete(key);
    return undefined;
  }

  put(query: Buffer, reply: Buffer): void {
    const seconds = lifeOf(reply);
    if (seconds <= 0 || reply.length > largestReply || query.length > largestReply) return;
    const oldest = this.#kept.keys().next();
    if (this.#kept.size >= mostReplies && oldest.done !== true) this.#kept.delete(oldest.value);
    this.#kept.set(keyOf(query), { reply, until: this.#now() + seconds * 1000 });
  }
}

const keyOf = (query: Buffer): string => query.subarray(2).toString('latin1');

/** Seconds that a reply may be kept: the shortest of its records, of which SOA also limits how long a "no" holds (RFC 2308). */
function lifeOf(reply: Buffer): number {
  try {
    const { answers, authorities } = decode(reply);
    const lives = [...answers, ...authorities].map(({ type, ttl = 0, data }) =>
      type === 'SOA' && hasMinimum(data) ? Math.min(ttl, data.minimum) : ttl,
    );
    return lives.length === 0 ? 0 : Math.min(longestSeconds, ...lives);
  } catch {
    return 0;
  }
}

const hasMinimum = (data: unknown): data is { readonly minimum: number } =>
  typeof data === 'object' && data !== null && 'minimum' in data && typeof data.minimum === 'number';
