// The mesh that runs, as its control plane's API tells of it: its objects, compiled here again.

import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { originOf } from '../../api/object.ts';
import { kinds } from '../../api/index.ts';
import type { ObjectsAnswer } from '../../control/api/contract.ts';
import { meshConfigMap, meshNetworksMap } from '../../sources/mesh-config.ts';
import { connect } from '../client.ts';
import type { WhyOptions } from '../verbs/why.ts';
import { meshWorld, type MeshWorld } from './mesh-world.ts';

export async function runningWorld(options: WhyOptions): Promise<MeshWorld> {
  const client = connect(options);
  const words = kinds.map(({ plural, group }) => (group === '' ? plural : `${plural}.${group}`)).join(',');
  const answer = await client.get<ObjectsAnswer>('/v1/objects', { kinds: words });
  const objects = answer.kinds.flatMap(({ items }) =>
    items.flatMap(({ document }) => decode(document, originOf('the mesh')).object ?? []),
  );
  const meshConfig = meshConfigMap(objects)?.config ?? meshConfigDefaults();
  return meshWorld({ objects, meshConfig, meshNetworks: meshNetworksMap(objects)?.networks });
}
