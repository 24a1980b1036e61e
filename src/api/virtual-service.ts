// VirtualService: how requests for some hosts are routed (networking.istio.io). Read by mesh/route.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { list, message, text } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { HTTPRoute } from './virtual-service-http.ts';
import { TCPRoute, TLSRoute } from './virtual-service-l4.ts';

export type * from './virtual-service-http.ts';
export type * from './virtual-service-l4.ts';

const Spec = message(
  {},
  {
    hosts: list(text),
    gateways: list(text),
    http: list(HTTPRoute),
    tls: list(TLSRoute),
    tcp: list(TCPRoute),
    exportTo: list(text),
  },
);

const schema = documentOf(Spec);
export type VirtualService = Static<typeof schema>;

export const virtualService = defineKind({
  ...istioNetworking,
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  schema,
  checks: [],
  columns: [
    { name: 'Gateways', path: ['spec', 'gateways'] },
    { name: 'Hosts', path: ['spec', 'hosts'] },
  ],
  inEffect: true,
});
