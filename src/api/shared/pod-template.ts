// The pods that a Deployment or StatefulSet makes.

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import { openMessage, text, textMap } from '../schema.ts';
import { PodSpec } from './pod-spec.ts';
import type { SetSelector } from './set-selector.ts';

export const PodTemplate = openMessage(
  { spec: PodSpec },
  { metadata: openMessage({}, { name: text, namespace: text, labels: textMap, annotations: textMap }) },
);
export type PodTemplate = Static<typeof PodTemplate>;

/** A template's labels must be what the selector looks for, or the set would never find its pods. */
export function templateIsSelected({ spec }: { readonly spec: { selector: SetSelector; template: PodTemplate } }): Finding[] {
  const labels = spec.template.metadata?.labels ?? {};
  const wrong = Object.entries(spec.selector.matchLabels ?? {}).filter(([key, value]) => labels[key] !== value);
  return wrong.map(([key, value]) =>
    error(
      'LAT1011',
      ['spec', 'selector', 'matchLabels', key],
      `the template does not have the label ${key}: ${value}`,
      'give the selector and template.metadata.labels the same labels',
    ),
  );
}
