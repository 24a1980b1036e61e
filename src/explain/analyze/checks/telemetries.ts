// Telemetries that contend for the same workloads: of one rank only the oldest counts.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import { refOf, refText, type ApiObject } from '../../../api/object.ts';
import type { Telemetry } from '../../../api/telemetry.ts';
import { labelsText, matchesLabels } from '../../../mesh/labels.ts';
import type { AnalysisContext } from '../context.ts';

const selectorOf = ({ body }: ApiObject<Telemetry>) => body.spec?.selector?.matchLabels ?? {};

export function telemetries(context: AnalysisContext): Diagnostic[] {
  const all = context
    .of<Telemetry>('telemetry.istio.io', 'Telemetry')
    .filter(({ body }) => body.spec?.targetRefs === undefined && body.spec?.targetRef === undefined);
  return [...Map.groupBy(all, ({ metadata }) => metadata.namespace)].flatMap(([namespace, list]) =>
    list.flatMap((telemetry, index) => {
      const general = Object.keys(selectorOf(telemetry)).length === 0;
      const rival = list.slice(0, index).find((other) => {
        if (general || Object.keys(selectorOf(other)).length === 0) return general && Object.keys(selectorOf(other)).length === 0;
        const both = { ...selectorOf(other), ...selectorOf(telemetry) };
        if (!matchesLabels(selectorOf(other), both)) return false;
        return context.runs(namespace, both) || labelsText(selectorOf(other)) === labelsText(selectorOf(telemetry));
      });
      if (rival === undefined) return [];
      return [
        diagnose(telemetry, general ? ['metadata', 'name'] : ['spec', 'selector'], {
          code: general ? 'IST0160' : 'IST0159',
          severity: 'error',
          message: general
            ? `${refText(refOf(rival))} is for the whole namespace already: only the older of the two counts`
            : `${refText(refOf(rival))} selects the same workloads: only the older of the two counts`,
          help: 'put the settings for the same workloads into one Telemetry',
        }),
      ];
    }),
  );
}
