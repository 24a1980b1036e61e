// Sidecar: which hosts a workload may call and which ports it serves (networking.istio.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { choice, integer, list, message, text } from './schema.ts';
import { ConnectionPoolSettings } from './shared/connection-pool.ts';
import { Destination } from './shared/destination.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { WorkloadSelector } from './shared/selector.ts';
import { ServerTLSSettings } from './shared/tls-settings.ts';
import { egress, ingress, sections } from './sidecar-checks.ts';

const SidecarPort = message({}, { number: integer(0, 65_535), protocol: text, name: text, targetPort: integer(0, 65_535) });
const captureMode = choice('DEFAULT', 'IPTABLES', 'NONE');

const IstioIngressListener = message(
  { port: SidecarPort },
  { bind: text, captureMode, defaultEndpoint: text, tls: ServerTLSSettings, connectionPool: ConnectionPoolSettings },
);
export type IstioIngressListener = Static<typeof IstioIngressListener>;

const IstioEgressListener = message({ hosts: list(text) }, { port: SidecarPort, bind: text, captureMode });
export type IstioEgressListener = Static<typeof IstioEgressListener>;

const OutboundTrafficPolicy = message(
  {},
  { mode: choice('REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS'), egressProxy: Destination },
);

const Spec = message(
  {},
  {
    workloadSelector: WorkloadSelector,
    ingress: list(IstioIngressListener),
    egress: list(IstioEgressListener),
    inboundConnectionPool: ConnectionPoolSettings,
    outboundTrafficPolicy: OutboundTrafficPolicy,
  },
);

const schema = documentOf(Spec);
export type Sidecar = Static<typeof schema>;

export const sidecar = defineKind({
  ...istioNetworking,
  kind: 'Sidecar',
  plural: 'sidecars',
  shortNames: [],
  schema,
  checks: [sections, ingress, egress],
  columns: [{ name: 'Egress', path: ['spec', 'egress', 0, 'hosts'] }],
  inEffect: true,
});
