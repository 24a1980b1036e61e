// The running mesh, analysed: the same engine as `lateen analyze -f`, over all objects of the store and what the proxies said.

import { setImmediate } from 'node:timers/promises';
import { kinds } from '../../api/index.ts';
import { analysis } from '../../explain/analyze/analyze.ts';
import { suppressionOf } from '../../explain/analyze/suppression.ts';
import type { ClusterObjects, Store } from '../../store/store.ts';
import type { DiagnosticBoard } from '../diagnostic-board.ts';
import { diagnosticLine } from './changes.ts';
import type { AnalysisAnswer, AnalysisRequest } from './contract.ts';
import { ApiError } from './refusal.ts';

/** So long the process may do nothing else. */
const sliceMs = 20;

/** Looks at a copy of what is there, and lets the mesh do its work in between. */
export async function analyseMesh(
  { suppress }: AnalysisRequest,
  store: Store,
  board: Pick<DiagnosticBoard, 'all'>,
): Promise<AnalysisAnswer> {
  const suppressions = suppress.map((text) => {
    const suppression = suppressionOf(text);
    if (suppression === undefined)
      throw new ApiError(400, `${text} is not understood`, 'write CODE, or CODE=KIND NAMESPACE/NAME');
    return suppression;
  });
  const allOf = (cluster: ClusterObjects) => kinds.flatMap(({ group, kind }) => cluster.kind(group, kind).all());
  const objects = allOf(store);
  const steps = analysis(
    {
      objects,
      meshConfig: store.meshConfig.value,
      meshNetworks: store.meshNetworks.value,
      clusterId: store.clusterId.value,
      remote: new Map([...store.remoteClusters.value].map(([id, cluster]) => [id, allOf(cluster)])),
      whole: true,
    },
    { found: board.all(), suppressions },
  );
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      const { diagnostics, suppressed } = step.value;
      return { objects: objects.length, diagnostics: diagnostics.map(diagnosticLine), suppressed };
    }
    if (performance.now() - since < sliceMs) continue;
    await setImmediate();
    since = performance.now();
  }
}
