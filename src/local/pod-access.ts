// What the control plane's API offers of the laptop's pods: logs, commands and deletes. The assembly adds what proxies answer.

import type { Platform as ControlPlatform, PodRef } from '../control/platform.ts';
import { execCommand, type ExecTarget } from './exec.ts';
import { LocalError } from './local-error.ts';
import type { Platform } from './platform.ts';
import { containerOf, podLog } from './pod-log.ts';
import type { Pod } from './pod.ts';

export type PodAccess = Required<Pick<ControlPlatform, 'logs' | 'exec' | 'remove'>>;

export function podAccess(platform: Platform, target: ExecTarget): PodAccess {
  return {
    logs: (ref, request) => podLog(podAt(platform, ref), request),
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
    throw new LocalError('LAT2016', `no pod ${name} runs in namespace ${namespace}`, 'lateen ps lists those that do');
  return pod;
}
