// BackendTLSPolicy: how a Gateway speaks TLS to a Service, and what it verifies (Gateway API).

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import { defineKind, type Check, type Finding } from '../kind.ts';
import { choice, list, map, message, textOf } from '../schema.ts';
import { each } from '../shared/values.ts';
import {
  gatewayApi,
  groupName,
  hostname,
  kindName,
  LocalObjectReference,
  objectName,
  preciseHostname,
  sectionName,
  Status,
} from './reference.ts';

const SubjectAltName = message({ type: choice('Hostname', 'URI') }, { hostname, uri: textOf({ minLength: 1, maxLength: 253 }) });

const Validation = message(
  { hostname: preciseHostname },
  {
    caCertificateRefs: list(LocalObjectReference, { maxItems: 8 }),
    wellKnownCACertificates: choice('System'),
    subjectAltNames: list(SubjectAltName, { maxItems: 5 }),
  },
);

const Spec = message(
  {
    targetRefs: list(message({ group: groupName, kind: kindName, name: objectName }, { sectionName }), {
      minItems: 1,
      maxItems: 16,
    }),
    validation: Validation,
  },
  { options: map(textOf({ maxLength: 4096 })) },
);

const schema = message({ spec: Spec }, { status: Status });
export type BackendTLSPolicy = Static<typeof schema>;

const validation: Check<BackendTLSPolicy> = ({ spec: { validation: rules } }) => {
  const path = ['spec', 'validation'];
  const refs = (rules.caCertificateRefs ?? []).length;
  const findings: Finding[] = each(rules.subjectAltNames, [...path, 'subjectAltNames'], (name, place) => {
    const field = name.type === 'URI' ? 'uri' : 'hostname';
    const given = [name.hostname && 'hostname', name.uri && 'uri'].filter(Boolean);
    return given.length === 1 && given[0] === field
      ? []
      : [error('LAT1805', place, `a name of type ${name.type} has ${field} and nothing else`, `give ${field}`)];
  });
  if (refs > 0 === (rules.wellKnownCACertificates !== undefined)) {
    const text = refs > 0 ? 'caCertificateRefs and wellKnownCACertificates exclude each other' : 'does not say whom to trust';
    findings.push(error('LAT1805', path, text, 'give one of caCertificateRefs and wellKnownCACertificates'));
  }
  return findings;
};

export const backendTlsPolicy = defineKind({
  ...gatewayApi,
  kind: 'BackendTLSPolicy',
  versions: ['v1', 'v1alpha3'],
  plural: 'backendtlspolicies',
  shortNames: ['btlspolicy'],
  scope: 'namespaced',
  schema,
  checks: [validation],
  columns: [],
});
