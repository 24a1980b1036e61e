// Deployment: a number of like pods (Kubernetes, apps). Run by local/; a template of workloads for the compiler.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { bool, freeForm, list, openMessage, whole } from './schema.ts';
import { PodTemplate, templateIsSelected } from './shared/pod-template.ts';
import { SetSelector } from './shared/set-selector.ts';

const wholeNumber = whole({ minimum: 0 });

const Spec = openMessage(
  { template: PodTemplate, selector: SetSelector },
  {
    replicas: wholeNumber,
    strategy: freeForm,
    minReadySeconds: wholeNumber,
    revisionHistoryLimit: wholeNumber,
    progressDeadlineSeconds: wholeNumber,
    paused: bool,
  },
);

const Status = openMessage(
  {},
  {
    replicas: wholeNumber,
    readyReplicas: wholeNumber,
    updatedReplicas: wholeNumber,
    availableReplicas: wholeNumber,
    unavailableReplicas: wholeNumber,
    conditions: list(freeForm),
  },
);

const schema = openMessage({ spec: Spec }, { status: Status });
export type Deployment = Static<typeof schema>;

export const deployment = defineKind({
  group: 'apps',
  kind: 'Deployment',
  versions: ['v1'],
  plural: 'deployments',
  shortNames: ['deploy'],
  scope: 'namespaced',
  schema,
  checks: [templateIsSelected],
  columns: [
    { name: 'Replicas', path: ['spec', 'replicas'] },
    { name: 'Ready', path: ['status', 'readyReplicas'] },
  ],
  inEffect: true,
});
