// TCPRoute: where the connections of a listener go (Gateway API).

import type { Static } from 'typebox';
import { defineKind } from '../kind.ts';
import { list, message } from '../schema.ts';
import { BackendRef, commonRoute, gatewayApi, sectionName, Status } from './reference.ts';

const TCPRouteRule = message({ backendRefs: list(BackendRef, { minItems: 1, maxItems: 16 }) }, { name: sectionName });

const Spec = message({ rules: list(TCPRouteRule, { minItems: 1, maxItems: 1 }) }, commonRoute);

const schema = message({ spec: Spec }, { status: Status });
export type GatewayApiTCPRoute = Static<typeof schema>;

export const gatewayApiTcpRoute = defineKind({
  ...gatewayApi,
  kind: 'TCPRoute',
  versions: ['v1', 'v1alpha2'],
  plural: 'tcproutes',
  scope: 'namespaced',
  schema,
  checks: [],
  columns: [],
});
