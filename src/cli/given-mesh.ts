// The mesh that manifests describe, with what a running cluster would add to them: for the verbs that ask about it with nothing running.

import { decode } from '../api/decode.ts';
import { meshConfigDefaults, type MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { ApiObject } from '../api/object.ts';
import { loadFiles } from '../sources/manifest.ts';
import { noteErrors } from './diagnostics.ts';
import { Failure } from './failure.ts';
import { meshConfigFor, meshNetworksFor, remoteClusters, type ClusterOptions } from './mesh-inputs.ts';
import type { Terminal } from './terminal.ts';
import { AssumedAddresses, withAssumed } from './why/assumed.ts';

/** What the command line says of a mesh besides its manifests. */
export interface GivenOptions extends Partial<ClusterOptions> {
  readonly meshConfig?: string;
  readonly meshNetworks?: string;
}

export interface GivenMesh {
  /** As somebody wrote them. */
  readonly written: readonly ApiObject[];
  /** With what is assumed. */
  readonly objects: readonly ApiObject[];
  /** What was assumed, in whole sentences. */
  readonly assumptions: readonly string[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks: MeshNetworks | undefined;
  readonly clusterId: string | undefined;
  /** What other clusters run, by their names. */
  readonly remote: ReadonlyMap<string, readonly ApiObject[]>;
}

/** The objects of files and folders; what is wrong with them goes to the terminal. Throws `Failure` where there are none. */
export function objectsIn(paths: readonly string[], terminal?: Terminal): readonly ApiObject[] {
  const { objects, diagnostics } = loadFiles(paths, decode);
  if (terminal !== undefined) noteErrors(terminal, diagnostics);
  if (objects.length === 0)
    throw new Failure(`there are no objects in ${paths.join(', ')}`, 'name the files or folders of your manifests');
  return objects;
}

/** `addresses`: meshes that share them have the same for the same. */
export function givenMesh(
  written: readonly ApiObject[],
  options: GivenOptions,
  terminal?: Terminal,
  addresses = new AssumedAddresses(),
): GivenMesh {
  const { clusterId } = options;
  const { objects, assumptions } = withAssumed(written, addresses);
  const others = clusterId === undefined ? [] : remoteClusters({ ...options, clusterId });
  const remotes = others.map(({ id, objects: given }) => ({ id, ...withAssumed(given, addresses, id) }));
  const mesh = meshConfigFor(options.meshConfig, objects);
  const networks = meshNetworksFor(options.meshNetworks, objects);
  if (terminal !== undefined) {
    const found = [...others, mesh, networks].flatMap((each) => each?.diagnostics ?? []);
    noteErrors(terminal, found);
  }
  return {
    written,
    objects,
    assumptions: [...assumptions, ...remotes.flatMap((each) => each.assumptions)],
    meshConfig: mesh?.config ?? meshConfigDefaults(),
    meshNetworks: networks?.networks,
    clusterId,
    remote: new Map(remotes.map((each) => [each.id, each.objects])),
  };
}
