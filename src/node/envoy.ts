// One Envoy process: started, watched, restarted after a crash, drained and ended. Its state is a signal that status reads.

import { type ReadonlySignal, signal } from '@preact/signals-core';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminRequest } from './admin.ts';
import { BackOff, type BackOffOptions } from './back-off.ts';
import { ProxyLog, type ProxyLogOptions } from './proxy-log.ts';

export type EnvoyProcessLike = ChildProcessByStdio<null, Readable, Readable>;

/**
 * Starts a program in the workload's place (namespaces, user), with both outputs piped. The process that it returns must be
 * the program itself in the end (`exec`), so that signals reach it.
 */
export type Spawn = (argv: readonly string[]) => EnvoyProcessLike;

export interface EnvoyState {
  readonly phase: 'starting' | 'ready' | 'draining' | 'backing-off' | 'stopped';
  /** Why it is in this phase, for people. */
  readonly reason: string;
  readonly pid: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
}

export interface EnvoyOptions {
  readonly binary: string;
  readonly bootstrapFile: string;
  readonly adminSocket: string;
  readonly spawn: Spawn;
  /** Worker threads; 0 is one for each core; default 2. */
  readonly concurrency?: number | undefined;
  /** Seconds over which connections are asked to go, at listener changes and at the end; default 45, as Istio's. */
  readonly drainSeconds?: number;
  /** Seconds that connections have at the end, where that is not the same. */
  readonly terminationSeconds?: number | undefined;
  /** How often files are written, in milliseconds (default 1,000), and from how many kilobytes at once. */
  readonly flushInterval?: number | undefined;
  readonly flushSize?: number | undefined;
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';
  readonly log?: ProxyLogOptions;
  readonly backOff?: BackOffOptions;
  /** Milliseconds of readiness after which a crash counts as a first one again; default 60,000. */
  readonly healthyAfter?: number;
  /** Milliseconds between SIGTERM and SIGKILL; default 5,000. */
  readonly killAfter?: number;
}

/** The command line. */
function envoyArguments({
  binary,
  bootstrapFile,
  concurrency = 2,
  drainSeconds = 45,
  logLevel = 'warning',
  flushInterval = 1000,
  flushSize,
}: EnvoyOptions): string[] {
  return [
    binary,
    ['--config-path', bootstrapFile],
    // To Envoy 0 means 1, and no word one for each core.
    concurrency === 0 ? [] : ['--concurrency', String(concurrency)],
    ['--drain-time-s', String(drainSeconds)],
    // Connections that were made under an older listener end with their next answer: a policy that takes a right away must not
    // be ignored on them for the whole drain time.
    ['--drain-strategy', 'immediate'],
    // Hot restart would make the Envoys of one host meet in shared memory.
    '--disable-hot-restart',
    ['--log-level', logLevel],
    ['--log-format', '%Y-%m-%dT%T.%fZ %l %n %v'],
    ['--file-flush-interval-msec', String(flushInterval)],
    flushSize === undefined ? [] : ['--file-flush-min-size-kb', String(flushSize)],
  ].flat();
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

export class EnvoyProcess {
  readonly log: ProxyLog;
  readonly #options: EnvoyOptions;
  readonly #state = signal<EnvoyState>({ phase: 'stopped', reason: 'not started', pid: undefined, restarts: 0 });
  readonly #backOff: BackOff;
  readonly #ending = new AbortController();
  #child: EnvoyProcessLike | undefined;
  #life: Promise<void> | undefined;

  constructor(options: EnvoyOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.backOff);
    this.log = new ProxyLog(options.log);
  }

  get state(): ReadonlySignal<EnvoyState> {
    return this.#state;
  }

  /** Starts the process, and again whenever it ends, until `stop`. Returns at once: watch `state`. */
  start(): void {
    this.#life ??= this.#live();
  }

  /** Resolves once the proxy is ready, or `stop` was called. */
  async ready(): Promise<void> {
    await new Promise<void>((resolve) => {
      let done = (): void => {};
      let over = false;
      done = this.#state.subscribe(({ phase }) => {
        if (phase !== 'ready' && !this.#ending.signal.aborted) return;
        over = true;
        done();
        resolve();
      });
      if (over) done();
    });
  }

  /**
   * Ends it for good. Gracefully: closes its listeners bit by bit and waits until no connection is left or the drain time is
   * over; then SIGTERM, and SIGKILL where that does not help.
   */
  async stop({ graceful = true }: { readonly graceful?: boolean } = {}): Promise<void> {
    if (graceful && this.#state.value.phase === 'ready' && !this.#ending.signal.aborted) await this.#drain();
    this.#ending.abort();
    this.#child?.kill('SIGTERM');
    const killer = setTimeout(() => this.#child?.kill('SIGKILL'), this.#options.killAfter ?? 5000);
    await this.#life;
    clearTimeout(killer);
    this.#set({ phase: 'stopped', reason: 'stopped', pid: undefined });
    await this.log[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ graceful: false });
  }

  #set(change: Partial<EnvoyState>): void {
    const next = { ...this.#state.value, ...change };
    const now = this.#state.value;
    const same = next.phase === now.phase && next.reason === now.reason && next.pid === now.pid && next.restarts === now.restarts;
    if (!same) this.#state.value = next;
  }

  async #live(): Promise<void> {
    const { signal: ending } = this.#ending;
    while (!ending.aborted) {
      const exit = await this.#once();
      if (ending.aborted) return;
      const wait = this.#backOff.next();
      const reason = `${exitText(exit)}; starting again in ${(wait / 1000).toFixed(1)} s`;
      this.log.write(`(Envoy ${reason})`);
      this.#set({ phase: 'backing-off', reason, pid: undefined });
      await sleep(wait, undefined, { signal: ending }).catch(() => {});
      if (!ending.aborted) this.#set({ restarts: this.#state.value.restarts + 1 });
    }
  }

  /** One life of the process, from start to exit. */
  async #once(): Promise<Exit> {
    let child: EnvoyProcessLike;
    try {
      child = this.#options.spawn(envoyArguments(this.#options));
    } catch (error) {
      return { code: null, signal: null, error: error instanceof Error ? error : new Error(String(error)) };
    }
    this.#child = child;
    const exited = new Promise<Exit>((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
      child.once('exit', (code, killedBy) => resolve({ code, signal: killedBy }));
    });
    this.log.read(child.stdout);
    this.log.read(child.stderr);
    this.#set({ phase: 'starting', reason: 'started', pid: child.pid });
    const over = new AbortController();
    const watching = this.#watch(AbortSignal.any([over.signal, this.#ending.signal]));
    const exit = await exited;
    over.abort();
    await watching;
    this.#child = undefined;
    return exit;
  }

  /** Asks for readiness, often until it is there and then now and then, until the signal. */
  async #watch(over: AbortSignal): Promise<void> {
    const { adminSocket, healthyAfter = 60_000 } = this.#options;
    let readySince: number | undefined;
    let last: number = performance.now();
    while (!over.aborted) {
      const found = await adminRequest(adminSocket, 'GET', '/ready', { maxBytes: 4096, timeout: 2000 }).catch(() => undefined);
      if (over.aborted) return;
      last = performance.now();
      if (this.#state.value.phase !== 'draining') {
        if (found?.status === 200) {
          readySince ??= last;
          if (last - readySince >= healthyAfter) this.#backOff.reset();
          this.#set({ phase: 'ready', reason: 'live' });
        } else {
          readySince = undefined;
          this.#set({
            phase: 'starting',
            reason: found === undefined ? 'its admin interface does not answer' : waitingText(found.body),
          });
        }
      }
      await sleep(readySince === undefined ? 25 : 1000, undefined, { signal: over }).catch(() => {});
    }
  }

  async #drain(): Promise<void> {
    const { adminSocket, drainSeconds = 45, terminationSeconds = drainSeconds } = this.#options;
    this.#set({ phase: 'draining', reason: `connections have ${terminationSeconds} s to end` });
    const deadline = performance.now() + terminationSeconds * 1000;
    try {
      await adminRequest(adminSocket, 'POST', '/drain_listeners?graceful');
      while (performance.now() < deadline && this.#child !== undefined) {
        if ((await activeConnections(adminSocket)) === 0) return;
        await sleep(100);
      }
    } catch {
      // It ended by itself, or hangs: either way there is nothing left to wait for.
    }
  }
}

/** Downstream connections of all listeners but the admin interface. */
async function activeConnections(adminSocket: string): Promise<number> {
  const { body } = await adminRequest(adminSocket, 'GET', '/stats?filter=^listener\\..*downstream_cx_active$', { timeout: 2000 });
  let count = 0;
  for (const [, name = '', value] of body.matchAll(/^listener\.(.+)\.downstream_cx_active: (\d+)$/gm)) {
    // Each worker's share is listed beside the sum.
    if (!name.startsWith('admin') && !/worker_\d+$/.test(name)) count += Number(value);
  }
  return count;
}

const waitingText = (body: string): string => {
  const answer = body.trim();
  return answer === 'PRE_INITIALIZING' || answer === 'INITIALIZING'
    ? 'waits for its configuration'
    : `answers ${answer.slice(0, 100)}`;
};

function exitText({ code, signal: killedBy, error }: Exit): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return killedBy === null ? `ended with code ${code}` : `was ended by ${killedBy}`;
}
