// The joint between the control plane's API and whatever runs the workloads: local/ on a laptop. Absent when control runs alone.

import type { ObjectRef } from '../api/object.ts';
import type { RecordSource } from '../telemetry/record-book.ts';

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

export interface ProxyReport {
  readonly pod: PodRef;
  /** `running`, `starting`, `stopped`, `crashed`, … */
  readonly state: string;
  readonly restarts: number;
  readonly identity: string;
  readonly certificateExpires: Date | undefined;
}

/** How far the start of what was asked for at first has come. */
export interface StartReport {
  /** `troubled`: what is not ready will hardly be so soon, or took longer than most; the rest runs. It can become `ready` still. */
  readonly state: 'starting' | 'ready' | 'troubled';
  /** Pods that are not ready, each with its status in a word. */
  readonly waiting: readonly { readonly pod: PodRef; readonly status: string }[];
  /** URLs on this machine at which somebody could look; none while it is `starting`. */
  readonly entrances: readonly string[];
}

interface LogRequest {
  readonly container: string | undefined;
  readonly follow: boolean;
  /** Of the run before the present one; then nothing follows. */
  readonly previous: boolean;
  /** The last lines only. */
  readonly tail: number | undefined;
  /** Ends a log that is followed. */
  readonly signal: AbortSignal;
}

export interface Platform {
  /** Absent where what runs was not started with the control plane. */
  start?(): StartReport;
  /** Where this machine offers services' ports now: `HOST:PORT` by `NAMESPACE/SERVICE:PORT`. */
  published?(): Readonly<Record<string, string>>;
  proxies(): readonly ProxyReport[];
  /** The access records of its proxies; absent where they write none. */
  readonly records?: RecordSource | undefined;
  /** Pieces of text, in order, whole lines. Throws where the pod has no such container, naming those it has. */
  logs(pod: PodRef, request: LogRequest): AsyncIterable<string>;
  /** A command, run without a shell, that runs `command` inside a container's namespaces and environment. */
  exec(
    pod: PodRef,
    container: string | undefined,
    command: readonly string[],
  ): Promise<{ readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }>;
  /** A request to the pod's Envoy's admin interface. */
  proxyAdmin(pod: PodRef, method: 'GET' | 'POST', path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Deletes an object that the platform made: a pod, which its owner makes anew. False where it made no such object. */
  remove?(ref: ObjectRef): Promise<boolean>;
}
