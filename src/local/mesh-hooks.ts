// The joint between the laptop platform and the mesh: what the platform tells of each meshed pod, and what it wants of its proxy.

import type { ApiObject } from '../api/object.ts';
import type { OpenFile } from '../node/identity/secret-file.ts';
import type { Run } from '../node/redirect/apply.ts';
import type { ProxySockets } from '../node/redirect/capture-options.ts';
import type { OwnerReference } from './kubernetes.ts';

/** A pod whose namespaces and address are there and whose containers are not started yet. */
export interface RunningPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** The Deployment or StatefulSet it belongs to; none for a bare pod. */
  readonly owner: OwnerReference | undefined;
  /** `router` for a gateway: nothing is captured, Envoy is the pod's only program. */
  readonly role: 'sidecar' | 'router';
  readonly object: ApiObject;
  /** The pid, inside the sandbox, whose `/proc/PID/ns/net` is the pod's network. */
  readonly pid: number;
  /** Runs a command in the pod's network namespace with every right over it. */
  readonly run: Run;
  /** The words before Envoy's own that start it in the pod's network and with a resolv.conf of its own, as the user that `proxySockets` says. */
  readonly proxyPrefix: readonly string[];
  /** Opens a file in the pod's volumes, by its path in the pod. */
  readonly openFile: OpenFile;
  /** How capture rules are to know the proxy's sockets; with a uid, Envoy must run as that user. */
  readonly proxySockets: ProxySockets;
}

/** A pod's proxy, from the moment its capture rules stand until it is closed. */
export interface AttachedProxy {
  /** Whether it has its first configuration and serves. The app's containers start when it first is. */
  ready(): boolean;
  /** A few words for `ps`: `ready`, `starting`, `restarting`. */
  readonly state: string;
  /** Drains and ends it; the app has ended by then. */
  close(): Promise<void>;
}

export interface MeshHooks {
  /** Captures the pod's traffic and starts its proxy. `changed` is to be called after every change of what the proxy says of itself. */
  attach(pod: RunningPod, changed: () => void): Promise<AttachedProxy>;
  /** Resolves once every proxy runs with what has changed until now, or after a while. Asked before a pod that left its services ends. */
  caughtUp?(): Promise<void>;
}
