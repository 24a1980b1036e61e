// A pod's volumes as folders in the sandbox's memory, filled from ConfigMaps, Secrets and the pod's own fields. Mounted by container.ts.

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { EnvironmentSources } from './environment.ts';
import type { ContainerSpec, Volume, VolumeSource } from './kubernetes.ts';

export interface VolumeContents {
  /** File names, which may have folders in them, with their text. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly readOnly: boolean;
  /** What the volume needs and is not there. */
  readonly missing?: string;
}

export interface VolumeSources extends Pick<EnvironmentSources, 'field'> {
  /** A ConfigMap's or Secret's entries as bytes. */
  readonly configMap: (name: string) => ReadonlyMap<string, Uint8Array> | undefined;
  readonly secret: (name: string) => ReadonlyMap<string, Uint8Array> | undefined;
}

/** What stands in a volume at start; an emptyDir, and what a laptop has no content for, is empty and can be written to. */
export function volumeContents(volume: VolumeSource, sources: VolumeSources): VolumeContents {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (projected !== undefined) {
    const parts = (projected.sources ?? []).map((part) => volumeContents(part, sources));
    const missing = parts.find((part) => part.missing !== undefined)?.missing;
    return {
      files: new Map(parts.flatMap(({ files }) => [...files])),
      readOnly: true,
      ...(missing !== undefined && { missing }),
    };
  }
  if (configMap !== undefined) return keyed('ConfigMap', configMap.name ?? '', configMap, sources.configMap);
  if (secret !== undefined) return keyed('Secret', secret.secretName ?? secret.name ?? '', secret, sources.secret);
  if (downwardAPI !== undefined) {
    const items = (downwardAPI.items ?? []).map(
      ({ path, fieldRef }) => [path, Buffer.from(sources.field(fieldRef?.fieldPath ?? '') ?? '')] as const,
    );
    return { files: new Map(items), readOnly: true };
  }
  return { files: new Map(), readOnly: false };
}

function keyed(
  kind: string,
  name: string,
  {
    items,
    optional,
  }: { readonly items?: readonly { readonly key: string; readonly path: string }[]; readonly optional?: boolean },
  find: VolumeSources['configMap'],
): VolumeContents {
  const data = find(name);
  if (data === undefined)
    return { files: new Map(), readOnly: true, ...(optional !== true && { missing: `${kind} ${name} is not there` }) };
  if (items === undefined) return { files: data, readOnly: true };
  const files = new Map<string, Uint8Array>();
  for (const { key, path } of items) {
    const bytes = data.get(key);
    if (bytes !== undefined) files.set(path, bytes);
    else if (optional !== true) return { files, readOnly: true, missing: `${kind} ${name} has no key ${key}` };
  }
  return { files, readOnly: true };
}

/** Writes a volume's files; those that were there before and are no more are removed, where the volume is not the pod's to write. */
export function writeVolume(folder: string, { files, readOnly }: VolumeContents): void {
  if (readOnly) {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    for (const [name, bytes] of files) {
      const path = join(folder, normalize(`/${name}`));
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      writeFileSync(path, bytes, { mode: 0o644 });
    }
    return;
  }
  mkdirSync(folder, { recursive: true });
  // An emptyDir is for every user that a container of the pod may have.
  chmodSync(folder, 0o777);
}

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Its place in the container's `volumeMounts`. */
  readonly index: number;
}

/** A container's mounts, outer paths first so that inner ones are not hidden. */
export function mountsOf(
  container: Pick<ContainerSpec, 'volumeMounts'>,
  volumes: readonly Volume[],
  folderOf: (volume: string) => string,
  readOnly: (volume: string) => boolean,
): Mount[] {
  return (container.volumeMounts ?? [])
    .map((mount, index) => ({ mount, index }))
    .filter(({ mount }) => volumes.some(({ name }) => name === mount.name))
    .map(({ mount, index }) => ({
      source: join(folderOf(mount.name), normalize(`/${mount.subPath ?? ''}`)),
      target: normalize(mount.mountPath).replace(/(.)\/$/, '$1'),
      readOnly: mount.readOnly === true || readOnly(mount.name),
      index,
    }))
    .sort((a, b) => a.target.split('/').length - b.target.split('/').length);
}
