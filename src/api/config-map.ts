// ConfigMap: files and variables for pods, roots for gateways, the mesh's own configuration (Kubernetes). Read by local/ and mesh/.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { bool, openMessage, textMap } from './schema.ts';

/** `binaryData` is base64. */
const schema = openMessage({}, { data: textMap, binaryData: textMap, immutable: bool });
export type ConfigMap = Static<typeof schema>;

export const configMap = defineKind({
  group: '',
  kind: 'ConfigMap',
  versions: ['v1'],
  plural: 'configmaps',
  shortNames: ['cm'],
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [{ name: 'Data', value: ({ body }) => String(Object.keys((body as ConfigMap).data ?? {}).length) }],
  inEffect: true,
});
