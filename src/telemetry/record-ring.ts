// The last access records of one workload, bounded in count and bytes: batches as they came, the oldest given up first. What failed
// stays longer: it is what people ask for, and a busy workload would have lost it in a moment.

import { wholeShare } from '../compile/listener/access-record.ts';
import { countRecords, failuresOf, readBatch } from './record-batch.ts';
import type { AccessRecord, RecordWriter } from './record.ts';

export interface RingLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

interface Batch {
  readonly bytes: Buffer;
  readonly count: number;
  /** When the last of them began: milliseconds of Unix time. */
  readonly latest: number;
  /** Requests that went well beside these, and of which there is no record. */
  readonly left?: number;
}

/** Batches within limits. */
class Batches {
  readonly #limits: RingLimits;
  #batches: readonly Batch[] = [];
  #count = 0;
  #bytes = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  get all(): readonly Batch[] {
    return this.#batches;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Answers what had to go. */
  add(batch: Batch): readonly Batch[] {
    const batches = [...this.#batches, batch];
    this.#count += batch.count;
    this.#bytes += batch.bytes.length;
    let gone = 0;
    for (; this.#count > this.#limits.maxRecords || this.#bytes > this.#limits.maxBytes; gone++) {
      this.#count -= batches[gone]?.count ?? 0;
      this.#bytes -= batches[gone]?.bytes.length ?? 0;
    }
    this.#batches = batches.slice(gone);
    return batches.slice(0, gone);
  }
}

export class RecordRing {
  readonly writer: RecordWriter;
  readonly #recent: Batches;
  readonly #failed: Batches;

  /** Half of what the limits allow is for failures that are older than the rest. */
  constructor(writer: RecordWriter, { maxRecords, maxBytes }: RingLimits) {
    const half = { maxRecords: maxRecords / 2, maxBytes: maxBytes / 2 };
    this.writer = writer;
    this.#recent = new Batches(half);
    this.#failed = new Batches(half);
  }

  get isEmpty(): boolean {
    return this.#recent.all.length === 0 && this.#failed.all.length === 0;
  }

  get bytes(): number {
    return this.#recent.bytes + this.#failed.bytes;
  }

  /** About how many requests went well in the time of the records that are kept, and were not recorded. */
  get unrecorded(): number {
    return Math.round(this.#recent.all.reduce((sum, { left = 0 }) => sum + left, 0));
  }

  /**
   * Takes a batch, written while a share of `wholeShare` was recorded of what went well; answers how many of these are in it, undefined
   * for bytes that are no batch.
   */
  add(message: Uint8Array, share = wholeShare): number | undefined {
    const counts = countRecords(message);
    if (counts === undefined) return undefined;
    const { records: count, well, latest } = counts;
    if (count === 0) return 0;
    const left = well * (wholeShare / share - 1);
    // A copy: the message is a view of what the network happened to read at once.
    for (const gone of this.#recent.add({ bytes: Buffer.from(message), count, latest, left })) {
      const failures = failuresOf(gone.bytes, this.writer);
      if (failures !== undefined) this.#failed.add({ ...failures, latest: gone.latest });
    }
    return well;
  }

  /** All of them, the oldest first; at least those in which `text` stands and that began at `since` or later. Others are not read. */
  records(text = '', since = 0): AccessRecord[] {
    return [...this.#failed.all, ...this.#recent.all].flatMap(({ bytes, latest }) =>
      latest >= since && bytes.includes(text) ? readBatch(bytes, this.writer) : [],
    );
  }
}
