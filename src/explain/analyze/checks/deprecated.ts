// Fields in older forms, which still count and will not for ever.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { Path } from '../../../api/object.ts';
import type { VirtualService } from '../../../api/virtual-service.ts';
import { networking, type AnalysisContext } from '../context.ts';

export const deprecated = (context: AnalysisContext): Diagnostic[] =>
  context.of<VirtualService>(networking, 'VirtualService').flatMap((object) =>
    (object.body.spec.http ?? []).flatMap(({ fault, mirrorPercent, corsPolicy }, index) => {
      const old: readonly (readonly [boolean, Path, string])[] = [
        [fault?.delay?.percent !== undefined, ['fault', 'delay', 'percent'], 'percentage: {value: …}'],
        [mirrorPercent !== undefined, ['mirrorPercent'], 'mirrorPercentage: {value: …}'],
        [corsPolicy?.allowOrigin !== undefined, ['corsPolicy', 'allowOrigin'], 'allowOrigins: [{exact: …}]'],
      ];
      return old.flatMap(([given, path, newer]) =>
        given
          ? [
              diagnose(object, ['spec', 'http', index, ...path], {
                code: 'IST0002',
                severity: 'warning',
                message: `${String(path.at(-1))} is deprecated`,
                help: `use ${newer}`,
              }),
            ]
          : [],
      );
    }),
  );
