// PeerAuthentication: whether workloads take mutual TLS, plaintext, or both (security.istio.io). Read by mesh/authentication.

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check, type Finding } from './kind.ts';
import { choice, map, message } from './schema.ts';
import { documentOf, istioSecurity } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';
import { checkSelector } from './shared/values.ts';

const MutualTLS = message({}, { mode: choice('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT') });
export type MutualTLSMode = NonNullable<Static<typeof MutualTLS>['mode']>;

const Spec = message({}, { selector: LabelSelector, mtls: MutualTLS, portLevelMtls: map(MutualTLS) });

const schema = documentOf(Spec);
export type PeerAuthentication = Static<typeof schema>;

/** Settings of ports are for workloads: they need a selector, and ports. */
const ports: Check<PeerAuthentication> = ({ spec }) => {
  const { selector, portLevelMtls } = spec;
  const path = ['spec', 'portLevelMtls'];
  const labels = selector?.matchLabels ?? {};
  const findings: Finding[] = checkSelector(labels, ['spec', 'selector', 'matchLabels'], selector !== undefined);
  if (portLevelMtls === undefined) return findings;
  if (Object.keys(labels).length === 0) {
    findings.push(error('LAT1730', path, 'settings of ports need a selector', 'name the workloads whose ports they are'));
  }
  if (Object.keys(portLevelMtls).length === 0) findings.push(error('LAT1730', path, 'names no port', 'add a port, or remove it'));
  for (const port of Object.keys(portLevelMtls)) {
    if (/^[0-9]{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) continue;
    findings.push(error('LAT1730', [...path, port], `${JSON.stringify(port)} is not a port`, 'use 1 to 65535'));
  }
  return findings;
};

export const peerAuthentication = defineKind({
  ...istioSecurity,
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortNames: ['pa'],
  schema,
  checks: [ports],
  columns: [{ name: 'Mode', path: ['spec', 'mtls', 'mode'] }],
  inEffect: true,
});
