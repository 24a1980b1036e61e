// One container of a pod over its whole life: starts, probes, restarts with back-off, and the stop. Owned by pod.ts.

import { restartDelayMs, healthyRunMs } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import type { ContainerSpec, ContainerStatus, LifecycleHandler, ProbeSpec } from './kubernetes.ts';
import { LogFile, type LogFiles } from './log-file.ts';
import { Probe, type ProbeCheck } from './probe.ts';
import type { ContainerProcess, Ended } from './process.ts';

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** Why a container cannot start now: Kubernetes' word for it, and a sentence. */
export interface Refusal {
  readonly reason: 'ErrImagePull' | 'CreateContainerConfigError' | 'RunContainerError';
  readonly message: string;
}

/** A run that has begun, and where its output goes. */
export interface Launched {
  readonly process: ContainerProcess;
  readonly log: LogFile;
}

export interface ContainerOptions {
  readonly spec: ContainerSpec;
  readonly restartPolicy: RestartPolicy;
  readonly clock: Clock;
  readonly log: LogFiles;
  /** Starts a process; asked anew at each start, since what it needs can appear later. */
  readonly launch: (openLog: () => LogFile) => Launched | Refusal;
  readonly check: (spec: ProbeSpec) => ProbeCheck;
  readonly hook: (handler: LifecycleHandler, timeoutMs: number) => Promise<void>;
  /** Called after each change of state, readiness or restarts. */
  readonly changed: () => void;
  /** Told when a container that ran has ended by itself. */
  readonly died: (ended: Ended, restartsInARow: number, failure: string | undefined) => void;
}

type State =
  | { readonly is: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly is: 'running'; readonly since: number }
  | { readonly is: 'terminated'; readonly exitCode: number; readonly signal?: string; readonly reason: string };

export class Container {
  readonly #options: ContainerOptions;
  #state: State = { is: 'waiting', reason: 'ContainerCreating' };
  #process: ContainerProcess | undefined;
  #probes: Probe[] = [];
  #started = false;
  #ready = false;
  #restarts = 0;
  #inARow = 0;
  #wait: Timer | undefined;
  #stopping = false;
  /** Why the platform itself ended the run. */
  #killedFor: string | undefined;
  #finished = Promise.withResolvers<Ended>();

  constructor(options: ContainerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.spec.name;
  }

  get state(): State {
    return this.#state;
  }

  get ready(): boolean {
    return this.#ready && this.#state.is === 'running';
  }

  get started(): boolean {
    return this.#started;
  }

  get pid(): number | undefined {
    return this.#state.is === 'running' ? this.#process?.pid : undefined;
  }

  /** Resolves when the container has ended for good: its policy starts it no more. */
  get finished(): Promise<Ended> {
    return this.#finished.promise;
  }

  /** Starts it, or tries again one that could not start. Does nothing to one that runs, has ended for good or backs off. */
  start(): void {
    if (this.#stopping || this.#process !== undefined || this.#wait !== undefined || this.#state.is === 'terminated') return;
    const launched = this.#options.launch(() => new LogFile(this.#options.log));
    if ('reason' in launched) {
      const before = this.#state;
      if (before.is === 'waiting' && before.reason === launched.reason && before.message === launched.message) return;
      this.#set({ is: 'waiting', ...launched });
      return;
    }
    const { process, log } = launched;
    this.#process = process;
    this.#killedFor = undefined;
    void this.#follow(process, log);
  }

  /** Ends it: the preStop hook, SIGTERM, and SIGKILL when the grace is over. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wait?.cancel();
    this.#endProbes();
    const process = this.#process;
    if (process === undefined) {
      this.#finished.resolve({ exitCode: 0, signal: undefined });
      return;
    }
    const kill = this.#options.clock.after(graceMs, () => process.kill('SIGKILL'));
    const { preStop } = this.#options.spec.lifecycle ?? {};
    if (preStop !== undefined) await Promise.race([this.#options.hook(preStop, graceMs), process.ended]);
    process.kill('SIGTERM');
    await process.ended;
    kill.cancel();
    process.kill('SIGKILL');
  }

  status(): ContainerStatus {
    const { spec, clock } = this.#options;
    const state = this.#state;
    return {
      name: spec.name,
      image: spec.image ?? '',
      ready: this.ready,
      started: this.#started,
      restartCount: this.#restarts,
      state:
        state.is === 'running'
          ? { running: { startedAt: new Date(Math.min(state.since, clock.now())).toISOString() } }
          : state.is === 'waiting'
            ? { waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) } }
            : {
                terminated: {
                  exitCode: state.exitCode,
                  reason: state.reason,
                  ...(state.signal !== undefined && { signal: state.signal }),
                },
              },
    };
  }

  async #follow(process: ContainerProcess, log: LogFile): Promise<void> {
    await process.begun;
    const began = this.#options.clock.now();
    this.#begin(began);
    const { postStart } = this.#options.spec.lifecycle ?? {};
    if (postStart !== undefined) void this.#options.hook(postStart, 30_000).catch(() => {});
    const ended = await process.ended;
    // What the program's children still hold on to ends with it.
    process.kill('SIGKILL');
    log[Symbol.dispose]();
    this.#process = undefined;
    this.#endProbes();
    this.#started = false;
    if (this.#options.clock.now() - began >= healthyRunMs) this.#inARow = 0;
    const over = {
      exitCode: ended.exitCode,
      ...(ended.signal !== undefined && { signal: ended.signal }),
      reason: ended.exitCode === 0 ? 'Completed' : 'Error',
    };
    if (this.#stopping || !this.#again(ended)) {
      this.#set({ is: 'terminated', ...over });
      this.#finished.resolve(ended);
      if (!this.#stopping) this.#options.died(ended, this.#inARow, this.#killedFor);
      return;
    }
    this.#options.died(ended, this.#inARow, this.#killedFor);
    this.#restartLater(ended);
  }

  #begin(since: number): void {
    if (!this.#stopping) this.#probe();
    this.#set({ is: 'running', since });
  }

  #again({ exitCode }: Ended): boolean {
    const policy = this.#options.restartPolicy;
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  }

  #restartLater({ exitCode, signal }: Ended): void {
    const delay = restartDelayMs(this.#inARow++);
    const how = signal === undefined ? `exit code ${exitCode}` : signal;
    const message = `${this.#killedFor ?? 'ended'} (${how}); starts again in ${delay / 1000} s`;
    this.#wait = this.#options.clock.after(delay, () => {
      this.#wait = undefined;
      this.#restarts++;
      this.start();
    });
    this.#set({ is: 'waiting', reason: 'CrashLoopBackOff', message });
  }

  /** The startup probe comes first; the others begin when it has passed. */
  #probe(): void {
    const { startupProbe } = this.#options.spec;
    if (startupProbe === undefined) return this.#probeRunning();
    this.#watch(startupProbe, true, (passing, failure) => {
      if (passing) {
        // Once passed, it is never asked again.
        this.#endProbes();
        this.#probeRunning();
        this.#options.changed();
      } else this.#killFor('startup', failure);
    });
  }

  #probeRunning(): void {
    const { readinessProbe, livenessProbe } = this.#options.spec;
    this.#started = true;
    if (readinessProbe === undefined) this.#awaitPort();
    else {
      this.#watch(readinessProbe, true, (passing) => {
        this.#ready = passing;
        this.#options.changed();
      });
    }
    if (livenessProbe !== undefined) {
      this.#watch(livenessProbe, false, (passing, failure) => {
        if (!passing) this.#killFor('liveness', failure);
      });
    }
  }

  /**
   * Without a readiness probe a kubelet calls a program ready before it listens, and its first callers are refused. Here they
   * wait for the first port that the manifest names, though not for long: naming a port promises nothing.
   */
  #awaitPort(): void {
    const port = this.#options.spec.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort;
    if (port === undefined) {
      this.#ready = true;
      return;
    }
    const spec = { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 5 };
    const check = this.#options.check(spec);
    const probe = new Probe({
      spec,
      check,
      clock: this.#options.clock,
      eager: true,
      changed: () => {
        probe[Symbol.dispose]();
        this.#ready = true;
        this.#options.changed();
      },
    });
    this.#probes.push(probe);
    probe.start();
  }

  #watch(spec: ProbeSpec, eager: boolean, changed: (passing: boolean, failure?: string) => void): void {
    const probe = new Probe({ spec, check: this.#options.check(spec), clock: this.#options.clock, eager, changed });
    this.#probes.push(probe);
    probe.start();
  }

  #killFor(probe: string, failure = ''): void {
    this.#killedFor = `${probe} probe failed: ${failure}`;
    this.#endProbes();
    const process = this.#process;
    if (process === undefined) return;
    process.kill('SIGTERM');
    const kill = this.#options.clock.after(10_000, () => process.kill('SIGKILL'));
    void process.ended.then(() => kill.cancel());
  }

  #endProbes(): void {
    for (const probe of this.#probes) probe[Symbol.dispose]();
    this.#probes = [];
    this.#ready = false;
  }

  #set(state: State): void {
    this.#state = state;
    this.#options.changed();
  }
}
