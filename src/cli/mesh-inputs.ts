// What describes a mesh besides its manifests: MeshConfig, MeshNetworks, other clusters' objects. For the verbs that need nothing running.

import { decode } from '../api/decode.ts';
import type { ApiObject } from '../api/object.ts';
import { readText } from '../sources/file-tree.ts';
import { loadFiles, type LoadedFiles } from '../sources/manifest.ts';
import {
  meshConfigMap,
  meshNetworksMap,
  readMeshConfig,
  readMeshNetworks,
  type ReadMeshConfig,
  type ReadMeshNetworks,
} from '../sources/mesh-config.ts';
import { configuresNothing } from './compile/remote-cluster.ts';
import { Failure, usageFailure } from './failure.ts';

/** How clusters are named on a command line. */
export interface ClusterOptions {
  /** The primary cluster's name. */
  readonly clusterId: string;
  /** `ID=FILE` each. */
  readonly remoteCluster?: readonly string[];
}

/** A file's text; a verb cannot go on without it. */
export function textOf(path: string): string {
  const text = readText(path);
  if (typeof text !== 'string') throw new Failure(text.message, text.help);
  return text;
}

export function meshConfigFor(path: string | undefined, objects: readonly ApiObject[]): ReadMeshConfig | undefined {
  return path === undefined ? meshConfigMap(objects) : readMeshConfig(textOf(path), path);
}

export function meshNetworksFor(path: string | undefined, objects: readonly ApiObject[]): ReadMeshNetworks | undefined {
  return path === undefined ? meshNetworksMap(objects) : readMeshNetworks(textOf(path), path);
}

export interface ClusterFiles {
  readonly id: string;
  readonly objects: readonly ApiObject[];
}

/** `ID=FILE`, also several files of one cluster. */
export function remoteClusters({ remoteCluster = [], clusterId }: ClusterOptions): (LoadedFiles & ClusterFiles)[] {
  const given = remoteCluster.map((text) => {
    const equals = text.indexOf('=');
    if (equals <= 0) throw usageFailure(`--remote-cluster ${text} is not ID=FILE`);
    return { id: text.slice(0, equals), path: text.slice(equals + 1) };
  });
  return [...Map.groupBy(given, ({ id }) => id)].map(([id, files]) => {
    if (id === clusterId) throw usageFailure(`--remote-cluster ${id} is the primary cluster`, 'give its objects with -f');
    const loaded = loadFiles(
      files.map(({ path }) => path),
      decode,
    );
    return { id, ...loaded, diagnostics: [...loaded.diagnostics, ...configuresNothing(id, loaded.objects)] };
  });
}
