// TLSRoute: how TLS connections are routed by SNI (Gateway API).

import type { Static } from 'typebox';
import { defineKind } from '../kind.ts';
import { list, message } from '../schema.ts';
import { BackendRef, commonRoute, gatewayApi, hostname, sectionName, Status } from './reference.ts';

const TLSRouteRule = message({ backendRefs: list(BackendRef, { minItems: 1, maxItems: 16 }) }, { name: sectionName });

const Spec = message(
  { hostnames: list(hostname, { minItems: 1, maxItems: 16 }), rules: list(TLSRouteRule, { minItems: 1, maxItems: 1 }) },
  commonRoute,
);

const schema = message({ spec: Spec }, { status: Status });
export type GatewayApiTLSRoute = Static<typeof schema>;

export const gatewayApiTlsRoute = defineKind({
  ...gatewayApi,
  kind: 'TLSRoute',
  versions: ['v1', 'v1alpha3', 'v1alpha2'],
  plural: 'tlsroutes',
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [{ name: 'Hostnames', path: ['spec', 'hostnames'] }],
});
