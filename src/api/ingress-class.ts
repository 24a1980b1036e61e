// IngressClass: who serves the Ingresses that name it (networking.k8s.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { freeForm, openMessage, text } from './schema.ts';

const schema = openMessage({}, { spec: openMessage({}, { controller: text, parameters: freeForm }) });
export type IngressClass = Static<typeof schema>;

export const ingressClass = defineKind({
  group: 'networking.k8s.io',
  kind: 'IngressClass',
  versions: ['v1'],
  plural: 'ingressclasses',
  shortNames: [],
  scope: 'cluster',
  schema,
  checks: [],
  columns: [{ name: 'Controller', path: ['spec', 'controller'] }],
  inEffect: true,
});
