// ListenerSet: more listeners for a Gateway, perhaps from another namespace (Gateway API); and its experimental forerunner.

import type { Static } from 'typebox';
import { defineKind } from '../kind.ts';
import { list, message } from '../schema.ts';
import { checkListeners, Listener } from './listener.ts';
import { gatewayApi, groupName, kindName, namespaceName, objectName, Status } from './reference.ts';

const Spec = message(
  {
    parentRef: message({ name: objectName }, { group: groupName, kind: kindName, namespace: namespaceName }),
    listeners: list(Listener, { minItems: 1, maxItems: 64 }),
  },
  {},
);

const schema = message({ spec: Spec }, { status: Status });
export type ListenerSet = Static<typeof schema>;

export const listenerSet = defineKind({
  ...gatewayApi,
  kind: 'ListenerSet',
  versions: ['v1'],
  plural: 'listenersets',
  shortNames: ['lset'],
  scope: 'namespaced',
  schema,
  checks: [({ spec }) => checkListeners(spec.listeners, ['spec', 'listeners'])],
  columns: [{ name: 'Parent', path: ['spec', 'parentRef', 'name'] }],
});

export const xListenerSet = defineKind({
  ...listenerSet,
  group: 'gateway.networking.x-k8s.io',
  kind: 'XListenerSet',
  versions: ['v1alpha1'],
  plural: 'xlistenersets',
  shortNames: ['xls'],
});
