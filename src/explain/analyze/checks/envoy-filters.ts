// EnvoyFilters whose patches build on each other with nothing but their age to say which comes first.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { EnvoyFilter } from '../../../api/envoy-filter.ts';
import { refOf, refText, type ApiObject } from '../../../api/object.ts';
import { networking, type AnalysisContext } from '../context.ts';

type Patch = NonNullable<EnvoyFilter['spec']['configPatches']>[number];

const relative = new Set(['INSERT_BEFORE', 'INSERT_AFTER', 'REPLACE', 'REMOVE', 'MERGE']);
const adding = new Set(['ADD', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST']);

/** The name of the filter that a patch is placed by. */
function placedBy({ applyTo, match, patch }: Patch): string | undefined {
  if (!relative.has(patch?.operation ?? '')) return undefined;
  const filter = match?.listener?.filterChain?.filter;
  if (applyTo === 'HTTP_FILTER') return filter?.subFilter?.name;
  return applyTo === 'NETWORK_FILTER' ? filter?.name : undefined;
}

export function patchOrder(context: AnalysisContext): Diagnostic[] {
  const filters = context.of<EnvoyFilter>(networking, 'EnvoyFilter');
  const adders = new Map<string, ApiObject<EnvoyFilter>[]>();
  for (const filter of filters) {
    for (const { applyTo, patch } of filter.body.spec.configPatches ?? []) {
      const name = patch?.value?.['name'];
      if (!adding.has(patch?.operation ?? '') || typeof name !== 'string') continue;
      const key = `${applyTo} ${name}`;
      adders.set(key, [...(adders.get(key) ?? []), filter]);
    }
  }
  return filters.flatMap((filter) =>
    (filter.body.spec.configPatches ?? []).flatMap((patch, index) => {
      const name = placedBy(patch);
      const other = (adders.get(`${patch.applyTo} ${name}`) ?? []).find(
        (one) => one !== filter && (one.body.spec.priority ?? 0) === (filter.body.spec.priority ?? 0),
      );
      if (name === undefined || other === undefined) return [];
      return [
        diagnose(filter, ['spec', 'configPatches', index, 'patch', 'operation'], {
          code: 'IST0151',
          severity: 'warning',
          message: `is relative to ${name}, which ${refText(refOf(other))} of the same priority adds: only the objects' age says which comes first`,
          help: 'give this one a higher priority than the other',
        }),
      ];
    }),
  );
}
