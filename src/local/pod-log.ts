// Which file a log request means: a container's present run or the one before, or the log of the pod's Envoy. Read by pod-access.ts.

import { existsSync } from 'node:fs';
import { LocalError } from './local-error.ts';
import { readLogLines, type LogOptions } from './log-file.ts';
import type { Pod } from './pod.ts';

/** The name that Istio's injected container has: where a pod's Envoy logs. */
export const proxyContainer = 'istio-proxy';

type LoggedPod = Pick<Pod, 'containers' | 'mainContainer' | 'object' | 'role' | 'logsOf' | 'status'>;

/** What a container printed, in whole lines. Throws where the pod has no such container, or it has no earlier run. */
export function podLog(
  pod: LoggedPod,
  { container, previous, ...options }: LogOptions & { readonly container: string | undefined },
): AsyncIterable<string> {
  const { role } = pod;
  if (role !== 'none' && (container === proxyContainer || (container === undefined && pod.mainContainer === ''))) {
    if (previous === true)
      throw new LocalError('LAT2017', `the log of ${proxyContainer} goes on over its restarts`, 'ask for it without --previous');
    // Envoy's output goes through ProxyLog, which calls its older half so.
    const files = pod.logsOf(proxyContainer);
    return readLogLines({ ...files, older: `${files.current}.1` }, options);
  }
  const name = containerOf(pod, container, role === 'none' ? [] : [proxyContainer]);
  const files = pod.logsOf(name);
  if (previous !== true) return readLogLines(files, options);
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status();
  const status = [...containerStatuses, ...initContainerStatuses].find((each) => each.name === name);
  // While it waits to be started again, the run that ended is the last one that wrote.
  if (status !== undefined && status.state.running === undefined && existsSync(files.current))
    return readLogLines(files, { ...options, follow: false });
  if (!existsSync(files.previous))
    throw new LocalError(
      'LAT2017',
      `container ${name} of pod ${pod.object.metadata.name} has no earlier run`,
      'ask for the present one without --previous',
    );
  return readLogLines(files, { ...options, previous });
}

/** The container that is named, or the first; a name that the pod does not have is told with those that it has. */
export function containerOf(
  pod: Pick<Pod, 'containers' | 'mainContainer' | 'object'>,
  name: string | undefined,
  besides: readonly string[] = [],
): string {
  const names = pod.containers.map((container) => container.name);
  if (name === undefined || names.includes(name)) return name ?? pod.mainContainer;
  const { name: podName } = pod.object.metadata;
  throw new LocalError(
    'LAT2017',
    `pod ${podName} has no container ${name}`,
    `choose one of ${[...names, ...besides].join(', ') || '(none)'}`,
  );
}
