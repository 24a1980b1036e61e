// ServiceAccount: the identity that pods run under (Kubernetes). Read by ca/ and local/.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { bool, list, openMessage, text } from './schema.ts';

const schema = openMessage(
  {},
  {
    automountServiceAccountToken: bool,
    imagePullSecrets: list(openMessage({}, { name: text })),
    secrets: list(openMessage({}, { name: text })),
  },
);
export type ServiceAccount = Static<typeof schema>;

export const serviceAccount = defineKind({
  group: '',
  kind: 'ServiceAccount',
  versions: ['v1'],
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [],
  inEffect: true,
});
