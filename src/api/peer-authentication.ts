// PeerAuthentication: whether workloads take mutual TLS, plaintext, or both (security.istio.io). Read by mesh/authentication.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { choice, map, message } from './schema.ts';
import { documentOf, istioSecurity } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';

const MutualTLS = message({}, { mode: choice('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT') });
export type MutualTLSMode = NonNullable<Static<typeof MutualTLS>['mode']>;

const Spec = message({}, { selector: LabelSelector, mtls: MutualTLS, portLevelMtls: map(MutualTLS) });

const schema = documentOf(Spec);
export type PeerAuthentication = Static<typeof schema>;

export const peerAuthentication = defineKind({
  ...istioSecurity,
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortNames: ['pa'],
  schema,
  checks: [],
  columns: [{ name: 'Mode', path: ['spec', 'mtls', 'mode'] }],
  inEffect: true,
});
