// Ingress: HTTP routes from outside, in Kubernetes' older form (networking.k8s.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { choice, freeForm, list, openMessage, text, wholePort } from './schema.ts';

const Backend = openMessage(
  {},
  {
    service: openMessage({ name: text }, { port: openMessage({}, { name: text, number: wholePort }) }),
    resource: freeForm,
  },
);

const HTTPIngressPath = openMessage(
  { pathType: choice('Exact', 'Prefix', 'ImplementationSpecific'), backend: Backend },
  { path: text },
);

const Spec = openMessage(
  {},
  {
    ingressClassName: text,
    defaultBackend: Backend,
    tls: list(openMessage({}, { hosts: list(text), secretName: text })),
    rules: list(openMessage({}, { host: text, http: openMessage({ paths: list(HTTPIngressPath, { minItems: 1 }) }, {}) })),
  },
);

const schema = openMessage({}, { spec: Spec, status: freeForm });
export type Ingress = Static<typeof schema>;

export const ingress = defineKind({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  versions: ['v1'],
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [
    { name: 'Class', path: ['spec', 'ingressClassName'] },
    { name: 'Hosts', value: ({ body }) => ((body as Ingress).spec?.rules ?? []).map(({ host = '*' }) => host).join(',') },
  ],
  inEffect: false,
});
