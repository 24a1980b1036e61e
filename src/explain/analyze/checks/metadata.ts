// Istio's annotations and labels on Kubernetes objects: unknown ones, misplaced ones, ones that contradict each other.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { ApiObject } from '../../../api/object.ts';
import { nearest } from '../../../api/suggestion.ts';
import type { Labels } from '../../../mesh/labels.ts';
import { annotationNames, isInternal } from '../annotation-names.ts';
import type { AnalysisContext } from '../context.ts';

/** Objects of these kinds make pods: what is for Pods belongs on their template. */
const makers = new Set(['Deployment', 'StatefulSet']);
const looked = new Set([
  'Namespace',
  'Service',
  'Pod',
  'Deployment',
  'StatefulSet',
  'Ingress',
  'ServiceEntry',
  'WorkloadEntry',
  'AuthorizationPolicy',
]);

export const metadata = ({ input }: AnalysisContext): Diagnostic[] =>
  input.objects.flatMap((object) => {
    if (!looked.has(object.kind)) return [];
    const { labels, annotations } = object.metadata;
    const template = templateOf(object);
    return [
      ...annotationFindings(object, object.kind, annotations, labels, ['metadata', 'annotations']),
      ...(makers.has(object.kind)
        ? annotationFindings(object, 'Pod', template.annotations ?? {}, template.labels ?? {}, [
            'spec',
            'template',
            'metadata',
            'annotations',
          ])
        : []),
      ...(object.kind === 'Namespace' ? injectionLabels(object, labels) : []),
    ];
  });

function templateOf({ body }: ApiObject): { readonly labels?: Labels; readonly annotations?: Labels } {
  const { template } = (body['spec'] ?? {}) as { template?: { metadata?: { labels?: Labels; annotations?: Labels } } };
  return template?.metadata ?? {};
}

function annotationFindings(
  object: ApiObject,
  kind: string,
  annotations: Labels,
  labels: Labels,
  path: readonly string[],
): Diagnostic[] {
  return Object.keys(annotations).flatMap((name) => {
    const domain = name.split('/')[0] ?? '';
    if (!/(?:^|\.)istio\.io$/.test(domain) || isInternal(name)) return [];
    const known = annotationNames.get(name);
    const at = (code: 'IST0107' | 'IST0108' | 'IST0135', severity: Diagnostic['severity'], message: string, help: string) =>
      diagnose(object, [...path, name], { code, severity, message, help });
    if (known === undefined) {
      const meant = nearest(name, annotationNames.keys());
      return [
        at(
          'IST0108',
          'warning',
          'Istio has no such annotation: it does nothing',
          meant === undefined ? 'remove it, or correct its name' : `did you mean ${meant}?`,
        ),
      ];
    }
    if (known.on.length > 0 && !known.on.includes(kind)) {
      const onTemplate = makers.has(kind) && known.on.includes('Pod');
      const help = onTemplate ? 'move it to spec.template.metadata.annotations' : `put it on: ${known.on.join(', ')}`;
      return [at('IST0107', 'warning', `does nothing on a ${kind}`, help)];
    }
    if (known.deprecated === undefined || name in labels) return [];
    return [at('IST0135', 'info', 'is deprecated', known.deprecated)];
  });
}

function injectionLabels(object: ApiObject, labels: Labels): Diagnostic[] {
  if (labels['istio-injection'] === undefined || labels['istio.io/rev'] === undefined) return [];
  return [
    diagnose(object, ['metadata', 'labels', 'istio.io/rev'], {
      code: 'IST0123',
      severity: 'warning',
      message: 'has istio-injection and istio.io/rev: the former counts, whatever revision the latter names',
      help: 'keep one of the two labels',
    }),
  ];
}
