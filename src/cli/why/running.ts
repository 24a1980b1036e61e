// The running mesh as a world that `why` asks, and where the fields of its objects stand.

import { connect } from '../client.ts';
import { runningMesh, runningPlaces, type RunningPlaces } from '../running-mesh.ts';
import type { OnlineOptions } from '../verb.ts';
import { meshWorld, type MeshWorld } from './mesh-world.ts';

export interface RunningWorld {
  readonly world: MeshWorld;
  /** Asks for the lines of all fields that were named so far: what is explained after that has them. */
  readonly locateAll: RunningPlaces['fetch'];
}

export async function runningWorld(options: OnlineOptions): Promise<RunningWorld> {
  const client = connect(options);
  const { locate, fetch } = runningPlaces(client);
  const { objects, meshConfig, meshNetworks, clusterId } = await runningMesh(client);
  return { world: meshWorld({ objects, meshConfig, meshNetworks, clusterId, locate }), locateAll: fetch };
}
