// What the control plane's API offers of the laptop's pods: logs, commands and deletes. The assembly adds what proxies answer.

import type { Platform as ControlPlatform, PodRef } from '../control/platform.ts';
import { execCommand, type ExecTarget } from './exec.ts';
import { LocalError } from './local-error.ts';
import { readLogLines } from './log-file.ts';
import type { Platform } from './platform.ts';
import type { Pod } from './pod.ts';

/** The name that Istio's injected container has: where a pod's Envoy logs. */
export const proxyContainer = 'istio-proxy';

export type PodAccess = Required<Pick<ControlPlatform, 'logs' | 'exec' | 'remove'>>;

export function podAccess(platform: Platform, target: ExecTarget): PodAccess {
  return {
    logs(ref, { container, follow, tail, signal }) {
      const pod = podAt(platform, ref);
      const name = container === proxyContainer && pod.role !== 'none' ? proxyContainer : containerOf(pod, container);
      return readLogLines(pod.logsOf(name || proxyContainer), { follow, tail, signal });
    },
    exec: (ref, container, command) => {
      const pod = podAt(platform, ref);
      return Promise.resolve(execCommand(target, pod, containerOf(pod, container), command));
    },
    remove: ({ group, kind, namespace, name }) =>
      Promise.resolve(group === '' && kind === 'Pod' && platform.remove(namespace, name)),
  };
}

function podAt(platform: Platform, { namespace, name }: PodRef): Pod {
  const pod = platform.find(name, namespace);
  if (pod === undefined)
    throw new LocalError('NO_SUCH_POD', `no pod ${name} runs in namespace ${namespace}`, 'lateen ps lists those that do');
  return pod;
}

/** The container that is named, or the first; a name that the pod does not have is told with those that it has. */
export function containerOf(pod: Pick<Pod, 'containers' | 'mainContainer' | 'object'>, name: string | undefined): string {
  const names = pod.containers.map((container) => container.name);
  if (name === undefined || names.includes(name)) return name ?? pod.mainContainer;
  const { name: podName } = pod.object.metadata;
  throw new LocalError(
    'NO_SUCH_CONTAINER',
    `pod ${podName} has no container ${name}`,
    `choose one of ${names.join(', ') || '(none)'}`,
  );
}
