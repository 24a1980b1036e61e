// StatefulSet: pods with names and addresses of their own (Kubernetes, apps). Run by local/; a template of workloads for the compiler.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { choice, freeForm, list, openMessage, text, whole } from './schema.ts';
import { PodTemplate, templateIsSelected } from './shared/pod-template.ts';
import { SetSelector } from './shared/set-selector.ts';

const wholeNumber = whole({ minimum: 0 });

const Spec = openMessage(
  { template: PodTemplate, selector: SetSelector },
  {
    serviceName: text,
    replicas: wholeNumber,
    podManagementPolicy: choice('OrderedReady', 'Parallel'),
    ordinals: openMessage({}, { start: wholeNumber }),
    volumeClaimTemplates: list(freeForm),
    updateStrategy: freeForm,
    minReadySeconds: wholeNumber,
    revisionHistoryLimit: wholeNumber,
  },
);

const Status = openMessage(
  {},
  { replicas: wholeNumber, readyReplicas: wholeNumber, currentReplicas: wholeNumber, conditions: list(freeForm) },
);

const schema = openMessage({ spec: Spec }, { status: Status });
export type StatefulSet = Static<typeof schema>;

export const statefulSet = defineKind({
  group: 'apps',
  kind: 'StatefulSet',
  versions: ['v1'],
  plural: 'statefulsets',
  shortNames: ['sts'],
  scope: 'namespaced',
  schema,
  checks: [templateIsSelected],
  columns: [
    { name: 'Replicas', path: ['spec', 'replicas'] },
    { name: 'Ready', path: ['status', 'readyReplicas'] },
  ],
  inEffect: true,
});
