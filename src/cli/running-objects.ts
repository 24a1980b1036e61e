// The objects of the mesh that runs, as its control plane's API tells of them: for verbs that compile them here again.

import { decode } from '../api/decode.ts';
import { kinds } from '../api/index.ts';
import { originOf, type ApiObject } from '../api/object.ts';
import type { ObjectsAnswer } from '../control/api/contract.ts';
import { connect } from './client.ts';
import type { OnlineOptions } from './verb.ts';

export async function runningObjects(options: OnlineOptions): Promise<ApiObject[]> {
  const words = kinds.map(({ plural, group }) => (group === '' ? plural : `${plural}.${group}`)).join(',');
  const answer = await connect(options).get<ObjectsAnswer>('/v1/objects', { kinds: words });
  return answer.kinds.flatMap(({ items }) =>
    items.flatMap(({ document }) => decode(document, originOf('the mesh')).object ?? []),
  );
}
