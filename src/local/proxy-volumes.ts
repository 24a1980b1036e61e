// The volumes that a pod's proxy sees: those of the pod's containers, and those that Istio's annotations give to the proxy alone.

import { normalize } from 'node:path';
import type { ContainerSpec, PodSpec, Volume } from './kubernetes.ts';

const volumesKey = 'sidecar.istio.io/userVolume';
const mountsKey = 'sidecar.istio.io/userVolumeMount';

export interface ProxyVolumes {
  /** All that the pod has, with those of the annotation. */
  readonly volumes: readonly Volume[];
  readonly mounts: readonly ProxyMount[];
  /** What an annotation holds that cannot be used. */
  readonly wrong: readonly { readonly annotation: string; readonly message: string; readonly help: string }[];
}

export interface ProxyMount {
  readonly volume: string;
  /** An absolute path without `..`. */
  readonly target: string;
  readonly subPath: string;
}

/**
 * In Kubernetes a proxy sees its own container's mounts alone. Here it has no container: files are where the application has them.
 * Where two have one path, the annotation counts before containers, and the first container before others.
 */
export function proxyVolumes(spec: PodSpec, annotations: Readonly<Record<string, string>>): ProxyVolumes {
  const wrong: { annotation: string; message: string; help: string }[] = [];
  const named = (annotation: string, help: string, isRight: (value: Record<string, unknown>) => boolean) => {
    const entries = namedEntries(annotations[annotation]);
    const right = entries?.filter(({ name, value }) => isDnsLabel(name) && isRight(value));
    if (entries?.length !== right?.length || (entries === undefined && annotations[annotation] !== undefined))
      wrong.push({ annotation, message: `annotation ${annotation} is not usable${entries ? ' as a whole' : ''}`, help });
    return right ?? [];
  };
  const volumes = named(volumesKey, 'write {"NAME": {"secret": {"secretName": "SECRET"}}}', isSource).map(
    ({ name, value }) => ({ ...value, name }) as Volume,
  );
  const own = named(mountsKey, 'write {"NAME": {"mountPath": "/etc/certs"}}', isMount).map(({ name, value }) => ({
    ...(value as { mountPath: string; subPath?: string }),
    name,
  }));
  const all = [...volumes, ...(spec.volumes ?? [])];
  const containers: readonly Pick<ContainerSpec, 'volumeMounts'>[] = [...spec.containers, ...(spec.initContainers ?? [])];
  const mounts = [...own, ...containers.flatMap(({ volumeMounts = [] }) => volumeMounts)]
    .filter(({ name, mountPath }) => mountPath.startsWith('/') && all.some((volume) => volume.name === name))
    .map(({ name, mountPath, subPath = '' }) => ({
      volume: name,
      target: normalize(mountPath).replace(/(.)\/$/, '$1'),
      subPath,
    }));
  return { volumes: all, mounts, wrong };
}

/** Both forms that people write, by name and as a list; undefined for anything else. */
function namedEntries(
  text: string | undefined,
): { readonly name: string; readonly value: Record<string, unknown> }[] | undefined {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(json) && !Array.isArray(json)) return undefined;
  const pairs: (readonly [unknown, unknown])[] = Array.isArray(json)
    ? json.map((each: unknown) => [isRecord(each) ? each['name'] : undefined, each] as const)
    : Object.entries(json);
  return pairs.map(([name, value]) => ({ name: typeof name === 'string' ? name : '', value: isRecord(value) ? value : {} }));
}

function isSource(value: Record<string, unknown>): boolean {
  const { configMap, secret } = value;
  return [configMap, secret].filter((each) => each !== undefined).length === 1 && isFilled(configMap ?? secret);
}

function isFilled(source: unknown): boolean {
  if (!isRecord(source)) return false;
  const { name, secretName, items = [] } = source;
  const entries: readonly unknown[] | undefined = Array.isArray(items) ? items : undefined;
  return (
    typeof (name ?? secretName) === 'string' &&
    entries?.every((item) => isRecord(item) && typeof item['key'] === 'string' && typeof item['path'] === 'string') === true
  );
}

const isMount = ({ mountPath, subPath = '' }: Record<string, unknown>): boolean =>
  typeof mountPath === 'string' && mountPath.startsWith('/') && typeof subPath === 'string';

/** A volume's name is a folder's too. */
const isDnsLabel = (name: string): boolean => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
