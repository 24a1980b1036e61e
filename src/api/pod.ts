// Pod: containers that run together under one address (Kubernetes). Read by mesh/workload and local/.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { bool, freeForm, list, openMessage, text, whole } from './schema.ts';
import { PodSpec } from './shared/pod-spec.ts';

export type { PodSpec, Volume } from './shared/pod-spec.ts';
export type { Container, ContainerPort, EnvFromSource, EnvVar, Probe } from './shared/container.ts';

const Condition = openMessage({ type: text, status: text }, { reason: text, message: text, lastTransitionTime: text });

const ContainerStatus = openMessage(
  { name: text },
  {
    ready: bool,
    started: bool,
    restartCount: whole(),
    image: text,
    imageID: text,
    containerID: text,
    state: freeForm,
    lastState: freeForm,
  },
);

const Status = openMessage(
  {},
  {
    phase: text,
    podIP: text,
    podIPs: list(openMessage({}, { ip: text })),
    hostIP: text,
    hostIPs: list(openMessage({}, { ip: text })),
    conditions: list(Condition),
    containerStatuses: list(ContainerStatus),
    initContainerStatuses: list(ContainerStatus),
    startTime: text,
    reason: text,
    message: text,
    qosClass: text,
  },
);

const schema = openMessage({ spec: PodSpec }, { status: Status });
export type Pod = Static<typeof schema>;

export const pod = defineKind({
  group: '',
  kind: 'Pod',
  versions: ['v1'],
  plural: 'pods',
  shortNames: ['po'],
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [
    { name: 'Status', path: ['status', 'phase'] },
    { name: 'IP', path: ['status', 'podIP'] },
    { name: 'Node', path: ['spec', 'nodeName'], wide: true },
  ],
  inEffect: true,
});
