// The mesh that runs, compiled here again from its objects.

import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { meshConfigMap, meshNetworksMap } from '../../sources/mesh-config.ts';
import { runningObjects } from '../running-objects.ts';
import type { WhyOptions } from '../verbs/why.ts';
import { meshWorld, type MeshWorld } from './mesh-world.ts';

export async function runningWorld(options: WhyOptions): Promise<MeshWorld> {
  const objects = await runningObjects(options);
  const meshConfig = meshConfigMap(objects)?.config ?? meshConfigDefaults();
  return meshWorld({ objects, meshConfig, meshNetworks: meshNetworksMap(objects)?.networks });
}
