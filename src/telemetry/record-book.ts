// The access records of a host's workloads: takes what their Envoys send, keeps a ring of each, and tells those who follow. It loses
// records rather than memory, and never makes an Envoy wait.

import type { GrpcHandler } from '../lib/grpc/call.ts';
import { GrpcError, grpcStatus } from '../lib/grpc/status.ts';
import { unary } from '../lib/grpc/unary.ts';
import { readBatch } from './record-batch.ts';
import { RecordRing, type RingLimits } from './record-ring.ts';
import { RecordShare } from './record-share.ts';
import type { AccessRecord, RecordWriter } from './record.ts';

/** Where records come from: the agent of this process, or later a stream from each agent. */
export interface RecordSource {
  /**
   * All that are kept, those of one workload together and in order; at least those in which `text` stands and that began at `since`
   * (milliseconds of Unix time) or later. What is not asked for costs nothing.
   */
  recent(text?: string, since?: number): Iterable<AccessRecord>;
  /** From now on, until disposed, `take` hears of new ones soon after they end. It must not throw. */
  follow(take: (records: readonly AccessRecord[]) => void): Disposable;
  /** The workloads whose proxies left out some of what went well, in the time of the records that are kept. */
  unrecorded(): readonly Unrecorded[];
}

export interface Unrecorded {
  readonly writer: RecordWriter;
  /** About so many requests. */
  readonly count: number;
}

/** What one takes at most on average; mostly it is about 500. */
const recordBytes = 1024;

/** Workloads that have ended and whose records are still kept: what failed may have been taken away since. */
const mostEnded = 16;

const exportMethod = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
/** ExportLogsServiceResponse: all was taken. */
const taken = new Uint8Array();

export class RecordBook implements RecordSource {
  readonly #limits: RingLimits;
  readonly #rings = new Set<RecordRing>();
  readonly #ended = new Set<RecordRing>();
  readonly #followers = new Set<(records: readonly AccessRecord[]) => void>();

  /** `maxRecords` of each workload. */
  constructor(maxRecords: number) {
    this.#limits = { maxRecords, maxBytes: maxRecords * recordBytes };
  }

  /**
   * A workload's Envoy starts: the handlers for its socket, until disposed. Its records stay for a while after that. `setShare` sets its
   * `shareKey`; without it the proxy records all, however much that is.
   */
  open(
    writer: RecordWriter,
    setShare?: (share: number) => Promise<unknown>,
  ): Disposable & { readonly handlers: Readonly<Record<string, GrpcHandler>> } {
    const ring = new RecordRing(writer, this.#limits);
    this.#rings.add(ring);
    const share = setShare && new RecordShare(setShare);
    const handler = unary((message) => {
      const well = ring.add(message, share?.current);
      if (well === undefined) throw new GrpcError(grpcStatus('invalidArgument', 'this is no batch of log records'));
      share?.arrived(well);
      this.#tell(message, writer);
      return taken;
    });
    return {
      handlers: { [exportMethod]: handler },
      [Symbol.dispose]: () => {
        share?.[Symbol.dispose]();
        this.#close(ring);
      },
    };
  }

  unrecorded(): readonly Unrecorded[] {
    return [...this.#ended, ...this.#rings].flatMap(({ writer, unrecorded: count }) => (count === 0 ? [] : { writer, count }));
  }

  *recent(text = '', since = 0): Iterable<AccessRecord> {
    for (const ring of [...this.#ended, ...this.#rings]) yield* ring.records(text, since);
  }

  follow(take: (records: readonly AccessRecord[]) => void): Disposable {
    this.#followers.add(take);
    return { [Symbol.dispose]: () => void this.#followers.delete(take) };
  }

  #tell(message: Uint8Array, writer: RecordWriter): void {
    if (this.#followers.size === 0) return;
    const records = readBatch(message, writer);
    for (const follower of this.#followers) follower(records);
  }

  #close(ring: RecordRing): void {
    if (!this.#rings.delete(ring) || ring.isEmpty) return;
    this.#ended.add(ring);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= mostEnded) break;
      this.#ended.delete(oldest);
    }
  }
}
