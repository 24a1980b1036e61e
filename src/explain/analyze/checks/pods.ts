// Workloads as the mesh finds them: a user that is the proxy's own, and Services that disagree about one port.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { ApiObject, Path } from '../../../api/object.ts';
import { matchesLabels } from '../../../mesh/labels.ts';
import { isHttp, type Protocol } from '../../../mesh/protocol.ts';
import type { AnalysisContext, KnownWorkload } from '../context.ts';

/** What the proxy runs as: what this user sends is not redirected. */
const proxyUser = 1337;
const proxyContainers = new Set(['istio-proxy', 'istio-init', 'istio-validation']);

export const pods = (context: AnalysisContext): Diagnostic[] =>
  context.workloads.flatMap((workload) => [...proxyUsers(workload), ...disagreeing(context, workload)]);

function proxyUsers({ object, pod, gateway }: KnownWorkload): Diagnostic[] {
  if (object === undefined || pod === undefined || gateway) return [];
  const { spec } = pod.body;
  const start: Path = object.kind === 'Pod' ? ['spec'] : ['spec', 'template', 'spec'];
  const told = (path: Path): Diagnostic =>
    diagnose(object, path, {
      code: 'IST0144',
      severity: 'warning',
      message: `user ${proxyUser} is the proxy's: nothing of what this user sends is redirected to it`,
      help: 'run the application as another user',
    });
  const own = (spec?.containers ?? []).flatMap(({ name, securityContext }, index) =>
    securityContext?.runAsUser === proxyUser && !proxyContainers.has(name)
      ? [told([...start, 'containers', index, 'securityContext', 'runAsUser'])]
      : [],
  );
  return spec?.securityContext?.runAsUser === proxyUser ? [told([...start, 'securityContext', 'runAsUser']), ...own] : own;
}

type Way = 'HTTP' | 'bytes' | undefined;

/** What is detected is neither; it contradicts nothing. */
const wayOf = (protocol: Protocol): Way =>
  isHttp(protocol) ? 'HTTP' : protocol === 'Auto' || protocol === 'UDP' ? undefined : 'bytes';

/** A port of a workload is served in one way: as the oldest of the Services that lead to it says. */
function disagreeing({ mesh }: AnalysisContext, { object, namespace, labels, pod }: KnownWorkload): Diagnostic[] {
  if (object === undefined || pod === undefined || object.kind === 'Pod') return [];
  const services = mesh
    .servicesIn(namespace)
    .filter(({ selector, registry }) => registry === 'Kubernetes' && selector !== undefined && matchesLabels(selector, labels));
  const byTarget = Map.groupBy(
    services.flatMap((service) => service.ports.map((port) => ({ service, port }))),
    ({ port }) => String(port.targetPort),
  );
  return [...byTarget].flatMap(([target, list]) => {
    const [first] = list;
    const other =
      first &&
      list.find(
        ({ port }) =>
          wayOf(port.protocol) !== undefined &&
          wayOf(first.port.protocol) !== undefined &&
          wayOf(port.protocol) !== wayOf(first.port.protocol),
      );
    if (first === undefined || other === undefined) return [];
    return [
      diagnose(object as ApiObject<unknown>, ['metadata', 'name'], {
        code: 'IST0116',
        severity: 'warning',
        message: `Services lead to its port ${target} as ${first.port.protocol} (${first.service.name}) and as ${other.port.protocol} (${other.service.name}): its proxy takes all as the first says`,
        help: 'declare one protocol for the port in all of its Services',
      }),
    ];
  });
}
