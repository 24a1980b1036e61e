// Namespace: whose labels turn injection and discovery on (Kubernetes). Read by mesh/ and local/.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { openMessage, text } from './schema.ts';

const schema = openMessage({}, { spec: openMessage({}, {}), status: openMessage({}, { phase: text }) });
export type Namespace = Static<typeof schema>;

export const namespace = defineKind({
  group: '',
  kind: 'Namespace',
  versions: ['v1'],
  plural: 'namespaces',
  shortNames: ['ns'],
  scope: 'cluster',
  schema,
  checks: [],
  columns: [{ name: 'Status', path: ['status', 'phase'] }],
  inEffect: true,
});
