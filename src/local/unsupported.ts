// What a manifest asks for and a process on a laptop cannot give: one warning per field, with its line. Read by platform.ts.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject, Path } from '../api/object.ts';
import type { ContainerSpec, PodSpec } from './kubernetes.ts';

export interface PlatformTraits {
  /** Whether the platform runs as root: only then can containers have other users. */
  readonly root: boolean;
}

interface Gap {
  readonly field: string;
  readonly why: string;
  readonly help: string;
}

const noScheduler = 'there is one node only';
const dropIt = 'remove the field, or accept that it has no effect here';

const podGaps: readonly Gap[] = [
  { field: 'hostNetwork', why: 'every pod has a network namespace of its own', help: 'call the pod by its service instead' },
  { field: 'hostPID', why: 'pods do not see the host', help: dropIt },
  { field: 'hostIPC', why: 'pods do not see the host', help: dropIt },
  { field: 'nodeSelector', why: noScheduler, help: dropIt },
  { field: 'affinity', why: noScheduler, help: dropIt },
  { field: 'tolerations', why: noScheduler, help: dropIt },
  { field: 'topologySpreadConstraints', why: noScheduler, help: dropIt },
  { field: 'schedulerName', why: noScheduler, help: dropIt },
  { field: 'priorityClassName', why: noScheduler, help: dropIt },
  { field: 'runtimeClassName', why: 'containers are processes of this machine', help: dropIt },
  { field: 'dnsConfig', why: 'every pod uses the mesh’s name server', help: dropIt },
  { field: 'dnsPolicy', why: 'every pod uses the mesh’s name server', help: dropIt },
  { field: 'activeDeadlineSeconds', why: 'pods run until they end or are deleted', help: dropIt },
  { field: 'shareProcessNamespace', why: 'containers always see each other’s processes', help: dropIt },
  { field: 'ephemeralContainers', why: 'there are none here', help: 'use `lateen exec`' },
  { field: 'readinessGates', why: 'only probes decide readiness', help: dropIt },
];

const containerGaps: readonly Gap[] = [
  { field: 'resources', why: 'processes share this machine without limits', help: dropIt },
  { field: 'volumeDevices', why: 'there are no block devices to give', help: dropIt },
  { field: 'tty', why: 'containers have no terminal', help: 'use `lateen exec`' },
  { field: 'stdin', why: 'containers have no standard input', help: 'use `lateen exec`' },
];

/** Fields of a security context that hold here anyhow, or that ask for less than a pod gets: nothing is lost by leaving them out. */
const harmless = new Set(['allowPrivilegeEscalation', 'capabilities', 'runAsNonRoot', 'seccompProfile', 'fsGroup', 'privileged']);

/** The volumes that have content here. */
const volumeKinds = new Set(['name', 'configMap', 'secret', 'emptyDir', 'downwardAPI', 'projected']);

/** `within` is where the pod's spec stands in the object: `['spec']` in a Pod, `['spec', 'template', 'spec']` in a Deployment. */
export function unsupportedFields(object: ApiObject, spec: PodSpec, within: Path, traits: PlatformTraits): Diagnostic[] {
  const warnings: Diagnostic[] = [];
  const warn = (path: Path, { why, help }: Pick<Gap, 'why' | 'help'>) =>
    warnings.push(
      diagnose(object, [...within, ...path], {
        code: 'LAT2002',
        severity: 'warning',
        message: `${String(path.findLast((step) => typeof step === 'string') ?? 'field')} has no effect on the laptop: ${why}`,
        help,
      }),
    );
  const gaps = (holder: object, list: readonly Gap[], path: Path) => {
    for (const gap of list) if (asksFor((holder as Record<string, unknown>)[gap.field])) warn([...path, gap.field], gap);
  };
  gaps(spec, podGaps, []);
  securityGaps(spec.securityContext, ['securityContext'], traits, warn);
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const kind = Object.keys(volume).find((key) => !volumeKinds.has(key));
    if (kind !== undefined)
      warn(['volumes', index, kind], {
        why: `the volume ${volume.name} starts empty`,
        help: 'use configMap, secret or emptyDir',
      });
  }
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const path = [list, index];
      gaps(container, containerGaps, path);
      securityGaps(container.securityContext, [...path, 'securityContext'], traits, warn);
      portGaps(container, path, warn);
    }
  }
  return warnings;
}

type Warn = (path: Path, gap: Pick<Gap, 'why' | 'help'>) => void;

function securityGaps(context: object | undefined, path: Path, { root }: PlatformTraits, warn: Warn): void {
  for (const [field, value] of Object.entries(context ?? {})) {
    if (!asksFor(value)) continue;
    const at = [...path, field];
    if (field === 'privileged') warn(at, { why: 'no container gets rights over this machine', help: dropIt });
    else if (field === 'capabilities' && asksFor((value as { add?: unknown }).add))
      warn([...at, 'add'], { why: 'no container gets capabilities over the network or the machine', help: dropIt });
    else if (field === 'runAsUser' || field === 'runAsGroup') {
      if (!root)
        warn(at, { why: 'an ordinary user can run processes only as itself', help: 'run lateen as root, or leave it out' });
    } else if (!harmless.has(field)) warn(at, { why: 'containers are plain processes of this machine', help: dropIt });
  }
}

function portGaps({ ports = [] }: ContainerSpec, path: Path, warn: Warn): void {
  for (const [index, port] of ports.entries()) {
    if (port.hostPort !== undefined)
      warn([...path, 'ports', index, 'hostPort'], {
        why: 'only services of type LoadBalancer are published on the host',
        help: 'make a Service of type LoadBalancer',
      });
  }
}

/** False, empty and absent ask for nothing. */
function asksFor(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value === 'object' ? Object.keys(value).length > 0 : true;
}
