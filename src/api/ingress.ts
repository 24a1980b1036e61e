// Ingress: HTTP routes from outside, in Kubernetes' older form (networking.k8s.io).

import type { Static } from 'typebox';
import { error, warning } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import type { Path } from './object.ts';
import { choice, freeForm, list, openMessage, text, wholePort } from './schema.ts';
import { checkWildcardHost, each } from './shared/values.ts';

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
export type IngressBackend = Static<typeof Backend>;
export type IngressPath = Static<typeof HTTPIngressPath>;

const rules: Check<Ingress> = ({ spec }) => [
  ...each(spec?.rules, ['spec', 'rules'], ({ host, http }, place) => [
    ...(host ? checkWildcardHost(host, [...place, 'host']) : []),
    ...each(http?.paths, [...place, 'http', 'paths'], (path, at) => [
      ...checkPath(path, [...at, 'path']),
      ...checkBackend(path.backend, [...at, 'backend']),
    ]),
  ]),
  ...(spec?.defaultBackend ? checkBackend(spec.defaultBackend, ['spec', 'defaultBackend']) : []),
];

/** What stood for every path before there were path types. */
const everyPath = ['', '*', '/*', '.*'];

function checkPath({ path = '', pathType }: IngressPath, place: Path): Finding[] {
  if (pathType === 'ImplementationSpecific' && everyPath.includes(path)) return [];
  if (path.startsWith('/') && !/[?#]|\/\/|\/\.\.?(?:\/|$)|%2f/i.test(path)) return [];
  const help = 'begin it with /, and write no ?, #, //, /./ or /../';
  return [error('LAT1830', place, `${JSON.stringify(path)} is not a path`, help)];
}

function checkBackend({ service, resource }: IngressBackend, place: Path): Finding[] {
  if ((service === undefined) === (resource === undefined)) {
    return [error('LAT1831', place, 'the backend is not exactly one of service and resource', 'name a service')];
  }
  if (service === undefined) {
    return [
      warning('LAT1831', [...place, 'resource'], 'gateways send requests to services only: it is left out', 'name a service'),
    ];
  }
  const { name, number } = service.port ?? {};
  if ((name ?? '') !== '' && number === undefined) return [];
  if ((name ?? '') === '' && number !== undefined) return [];
  return [error('LAT1831', [...place, 'service', 'port'], 'the port is not exactly one of name and number', 'give one of them')];
}

const secrets: Check<Ingress> = ({ spec }) =>
  each(spec?.tls, ['spec', 'tls'], ({ hosts, secretName }, place) => [
    ...each(hosts, [...place, 'hosts'], checkWildcardHost),
    ...(secretName
      ? []
      : [warning('LAT1832', place, 'without a certificate the hosts are served without TLS', 'name a Secret in secretName')]),
  ]);

export const ingress = defineKind({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  versions: ['v1'],
  plural: 'ingresses',
  shortNames: ['ing'],
  scope: 'namespaced',
  schema,
  checks: [rules, secrets],
  columns: [
    { name: 'Class', path: ['spec', 'ingressClassName'] },
    { name: 'Hosts', value: ({ body }) => ((body as Ingress).spec?.rules ?? []).map(({ host = '*' }) => host).join(',') },
  ],
  inEffect: true,
});
