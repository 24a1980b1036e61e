// A pod's status as Kubernetes writes it, from its containers' and its proxy's states. Pure.

import { nodeAddress } from './addresses.ts';
import type { ContainerStatus, PodStatus } from './kubernetes.ts';

export interface PodState {
  readonly address: string | undefined;
  readonly startTime: string;
  readonly initialized: boolean;
  /** False while a proxy is wanted and does not serve. */
  readonly proxyReady: boolean;
  readonly stopping: boolean;
  readonly containers: readonly ContainerStatus[];
  readonly initContainers: readonly ContainerStatus[];
  readonly restartPolicy: string;
}

export function podStatus(state: PodState): PodStatus {
  const { address, startTime, initialized, proxyReady, stopping, containers, initContainers } = state;
  const containersReady = initialized && containers.every(({ ready }) => ready);
  const ready = containersReady && proxyReady && !stopping && address !== undefined;
  const condition = (type: string, met: boolean) => ({ type, status: met ? ('True' as const) : ('False' as const) });
  return {
    phase: phaseOf(state),
    ...(address !== undefined && { podIP: address, podIPs: [{ ip: address }] }),
    hostIP: nodeAddress,
    startTime,
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', initialized),
      condition('ContainersReady', containersReady),
      condition('Ready', ready),
    ],
    containerStatuses: containers,
    ...(initContainers.length > 0 && { initContainerStatuses: initContainers }),
  };
}

function phaseOf({ initialized, containers, initContainers, restartPolicy }: PodState): NonNullable<PodStatus['phase']> {
  const failed = ({ state }: ContainerStatus) => state.terminated !== undefined && state.terminated.exitCode !== 0;
  if (!initialized) return restartPolicy === 'Never' && initContainers.some(failed) ? 'Failed' : 'Pending';
  if (containers.length > 0 && containers.every(({ state }) => state.terminated !== undefined))
    return containers.some(failed) ? 'Failed' : 'Succeeded';
  // A container that never ran keeps its pod pending.
  const begun = containers.every(({ state, restartCount }) => state.waiting === undefined || restartCount > 0 || crashed(state));
  return begun ? 'Running' : 'Pending';
}

const crashed = ({ waiting }: ContainerStatus['state']): boolean => waiting?.reason === 'CrashLoopBackOff';

export const isReady = (status: PodStatus | undefined): boolean =>
  status?.conditions?.some(({ type, status: met }) => type === 'Ready' && met === 'True') ?? false;
