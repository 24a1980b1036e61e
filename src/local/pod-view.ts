// A pod as `ps` and `status` show it: plain data, made from a running pod.

import { isReady } from './pod-status.ts';
import type { Pod } from './pod.ts';

interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly state: 'waiting' | 'running' | 'terminated';
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
}

export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly phase: string;
  /** What `kubectl get pods` would say: the phase, or the reason that a container waits for, or `Terminating`. */
  readonly status: string;
  readonly ready: boolean;
  readonly readyContainers: number;
  readonly allContainers: number;
  readonly restarts: number;
  readonly address: string;
  readonly since: string;
  /** The proxy's state; absent outside the mesh. */
  readonly proxy?: string;
  readonly role: 'sidecar' | 'router' | 'none';
  readonly containers: readonly ContainerView[];
}

export function podView(pod: Pod): PodView {
  const status = pod.status();
  const { namespace, name } = pod.object.metadata;
  const containers = (status.containerStatuses ?? []).map(
    ({ name: container, image, ready, restartCount, state }): ContainerView => {
      const { waiting, terminated } = state;
      const reason = waiting?.reason ?? terminated?.reason;
      return {
        name: container,
        image,
        ready,
        restarts: restartCount,
        state: waiting ? 'waiting' : terminated ? 'terminated' : 'running',
        ...(reason !== undefined && { reason }),
        ...(waiting?.message !== undefined && { message: waiting.message }),
        ...(terminated && { exitCode: terminated.exitCode }),
      };
    },
  );
  const phase = status.phase ?? 'Pending';
  const trouble = containers.find(({ state, reason }) => state === 'waiting' && reason !== 'ContainerCreating')?.reason;
  // The proxy counts as a container, as with Istio.
  const proxied = pod.role === 'none' ? 0 : 1;
  return {
    namespace,
    name,
    uid: pod.uid,
    phase,
    status: pod.stopping ? 'Terminating' : (trouble ?? phase),
    ready: isReady(status),
    readyContainers: containers.filter(({ ready }) => ready).length + (pod.proxyReady ? proxied : 0),
    allContainers: containers.length + proxied,
    restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    address: status.podIP ?? '',
    since: status.startTime ?? '',
    ...(pod.proxyState !== undefined && { proxy: pod.proxyState }),
    role: pod.role,
    containers,
  };
}
