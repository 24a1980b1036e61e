// The life of one workload's identity on its host: makes the key, asks for the certificate, renews it in time. Served by sds.ts.

import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import { isRefusal } from '../../ca/refusal.ts';
import { formatSpiffeId, type SpiffeId } from '../../ca/spiffe.ts';
import { writeRequest } from '../../ca/x509.ts';
import { BackOff } from '../back-off.ts';
import { readCredential, type Credential } from './credential.ts';

/**
 * Asks an authority to sign: a request in PEM and the wished lifetime in seconds; answers PEM texts, the leaf first and the
 * roots last. Rejects when the authority refuses or cannot be reached; should give up when `signal` is aborted.
 */
export type Issuer = (request: string, seconds: number, signal: AbortSignal) => Promise<readonly string[]>;

/** Time and chance, so that tests own them. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `work` once after `milliseconds`; answers how to call it off. */
  after(milliseconds: number, work: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
}

const systemClock: Clock = {
  now: Date.now,
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds).unref();
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

export interface WorkloadIdentityOptions {
  readonly id: SpiffeId;
  readonly issue: Issuer;
  /** Wished lifetime in seconds; default 24 h. */
  readonly seconds?: number;
  readonly clock?: Clock;
  readonly onError?: (error: Error) => void;
}

/** Renewal begins when this share of the lifetime that was left at issuing is over, give or take the jitter (Istio's values). */
const renewalPoint = 0.5;
const jitter = 0.01;
/** An authority that has not answered by then counts as failed. */
const answerWithin = 30_000;
/** Longer timers overflow in Node and fire at once. */
const longestTimer = 2 ** 31 - 1;

const generate = promisify(generateKeyPair);

/**
 * One workload's credential, always the newest. Each certificate has a key of its own, which is made here, held in memory
 * only and given to that workload's Envoy alone. While the authority cannot be reached the old certificate stays.
 */
export class WorkloadIdentity {
  readonly id: SpiffeId;
  readonly #options: WorkloadIdentityOptions;
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  readonly #credential = signal<Credential | undefined>(undefined);
  readonly #lastError = signal<Error | undefined>(undefined);
  readonly #ended = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  #cancelTimer = () => {};
  #attempt: Promise<void> | undefined;

  constructor(options: WorkloadIdentityOptions) {
    this.id = options.id;
    // Whoever never waited for the start need not hear that it failed.
    this.#first.promise.catch(() => {});
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backOff = new BackOff({ first: 500, longest: 60_000, random: () => this.#clock.random() });
  }

  /** Changes with each new certificate; undefined before the first. */
  get credential(): ReadonlySignal<Credential | undefined> {
    return this.#credential;
  }

  /** Why the last attempt failed; undefined after a success. */
  get lastError(): ReadonlySignal<Error | undefined> {
    return this.#lastError;
  }

  /** The certificate as others show it; undefined before the first. */
  readonly certificate: ReadonlySignal<{ readonly id: string; readonly expires: Date; readonly serial: string } | undefined> =
    computed(() => {
      const credential = this.#credential.value;
      return credential && { id: formatSpiffeId(credential.id), expires: credential.notAfter, serial: credential.serial };
    });

  /** Resolves once there is a certificate, however many tries that takes; rejects when this is disposed of before. */
  async start(): Promise<void> {
    await this.renew();
    await this.#first.promise;
  }

  /** Tries to get a new certificate now; a failure is in `lastError`, and is tried again. Calls during an attempt share it. */
  renew(): Promise<void> {
    if (this.#ended.signal.aborted) return Promise.resolve();
    this.#attempt ??= this.#renew().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#cancelTimer();
    this.#first.reject(new Error(`${formatSpiffeId(this.id)} has ended without a certificate`));
    await this.#attempt;
  }

  async #renew(): Promise<void> {
    this.#cancelTimer();
    try {
      const credential = await this.#ask();
      if (this.#ended.signal.aborted) return;
      this.#backOff.reset();
      this.#lastError.value = undefined;
      this.#credential.value = credential;
      this.#first.resolve();
      const left = credential.notAfter.getTime() - this.#clock.now();
      this.#renewIn(left * (renewalPoint + jitter * (2 * this.#clock.random() - 1)));
    } catch (cause) {
      if (this.#ended.signal.aborted) return;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const error = new Error(`no certificate for ${formatSpiffeId(this.id)}: ${reason}`, { cause });
      this.#lastError.value = error;
      this.#renewIn(this.#backOff.next());
      this.#options.onError?.(error);
    }
  }

  async #ask(): Promise<Credential> {
    const { issue, seconds = 24 * 3600 } = this.#options;
    const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
    const request = await writeRequest(privateKey);
    const answer = await this.#within(answerWithin, (abort) => issue(request, seconds, abort));
    const credential = readCredential(this.id, privateKey, answer, this.#clock.now());
    if (isRefusal(credential)) throw new Error(`the authority's answer cannot be used: ${credential.message}`);
    return credential;
  }

  /** The outcome of `work`, or a failure when it takes too long or this identity ends first. */
  #within<T>(milliseconds: number, work: (abort: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const giveUp = (reason: string) => {
        abort.abort();
        reject(new Error(reason));
      };
      const stop = this.#clock.after(milliseconds, () => giveUp(`the authority did not answer within ${milliseconds / 1000} s`));
      const ended = () => giveUp('the workload has ended');
      this.#ended.signal.addEventListener('abort', ended, { once: true });
      work(abort.signal)
        .then(resolve, reject)
        .finally(() => {
          stop();
          this.#ended.signal.removeEventListener('abort', ended);
        });
    });
  }

  #renewIn(milliseconds: number): void {
    const due = this.#clock.now() + milliseconds;
    const wait = () => {
      const left = due - this.#clock.now();
      if (left <= 0) void this.renew();
      else this.#cancelTimer = this.#clock.after(Math.min(left, longestTimer), wait);
    };
    this.#cancelTimer = this.#clock.after(Math.min(Math.max(milliseconds, 0), longestTimer), wait);
  }
}
