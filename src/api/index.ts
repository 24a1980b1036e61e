// The list of kinds: what Lateen reads. Sources, the store, validation and the CLI go by it; a new kind is one file and one line.

import { authorizationPolicy } from './authorization-policy.ts';
import { configMap } from './config-map.ts';
import { deployment } from './deployment.ts';
import { destinationRule } from './destination-rule.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { envoyFilter } from './envoy-filter.ts';
import { backendTlsPolicy } from './gateway-api/backend-tls-policy.ts';
import { gatewayClass } from './gateway-api/gateway-class.ts';
import { gatewayApiGateway } from './gateway-api/gateway.ts';
import { grpcRoute } from './gateway-api/grpc-route.ts';
import { gatewayApiHttpRoute } from './gateway-api/http-route.ts';
import { listenerSet, xListenerSet } from './gateway-api/listener-set.ts';
import { referenceGrant } from './gateway-api/reference-grant.ts';
import { gatewayApiTcpRoute } from './gateway-api/tcp-route.ts';
import { gatewayApiTlsRoute } from './gateway-api/tls-route.ts';
import { gateway } from './gateway.ts';
import { ingressClass } from './ingress-class.ts';
import { ingress } from './ingress.ts';
import { kindId, type KindDefinition } from './kind.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { groupOf } from './object.ts';
import { peerAuthentication } from './peer-authentication.ts';
import { pod } from './pod.ts';
import { proxyConfig } from './proxy-config.ts';
import { requestAuthentication } from './request-authentication.ts';
import { secret } from './secret.ts';
import { serviceAccount } from './service-account.ts';
import { serviceEntry } from './service-entry.ts';
import { service } from './service.ts';
import { sidecar } from './sidecar.ts';
import { statefulSet } from './stateful-set.ts';
import { telemetry } from './telemetry.ts';
import { trafficExtension } from './traffic-extension.ts';
import { virtualService } from './virtual-service.ts';
import { wasmPlugin } from './wasm-plugin.ts';
import { workloadEntry } from './workload-entry.ts';
import { workloadGroup } from './workload-group.ts';

/** Every kind. Where two share a word, the CLI takes the first: Istio's before the Gateway API's. */
export const kinds: readonly KindDefinition[] = [
  namespace,
  node,
  pod,
  service,
  endpointSlice,
  endpoints,
  serviceAccount,
  configMap,
  secret,
  deployment,
  statefulSet,
  ingress,
  ingressClass,

  virtualService,
  destinationRule,
  gateway,
  serviceEntry,
  sidecar,
  workloadEntry,
  workloadGroup,
  proxyConfig,
  envoyFilter,
  authorizationPolicy,
  peerAuthentication,
  requestAuthentication,
  telemetry,
  wasmPlugin,
  trafficExtension,

  gatewayClass,
  gatewayApiGateway,
  listenerSet,
  xListenerSet,
  gatewayApiHttpRoute,
  grpcRoute,
  gatewayApiTlsRoute,
  gatewayApiTcpRoute,
  referenceGrant,
  backendTlsPolicy,
];

const byId = new Map(kinds.map((definition) => [kindId(definition.group, definition.kind), definition]));

/** The kind of a document; undefined if its kind, group or version is not one that Lateen reads. */
export function kindOf(apiVersion: string, kind: string): KindDefinition | undefined {
  const definition = byId.get(kindId(groupOf(apiVersion), kind));
  return definition?.versions.includes(apiVersion.slice(apiVersion.indexOf('/') + 1)) ? definition : undefined;
}

const words = new Map<string, KindDefinition>();
for (const definition of kinds) {
  const names = [definition.kind.toLowerCase(), definition.plural, ...definition.shortNames];
  const groups = definition.group === '' ? [''] : ['', `.${definition.group}`];
  for (const word of names.flatMap((name) => groups.map((group) => name + group))) {
    if (!words.has(word)) words.set(word, definition);
  }
}

/** The kind that a person means by a word: `vs`, `virtualservices`, `VirtualService`, `virtualservice.networking.istio.io`. */
export const kindNamed = (word: string): KindDefinition | undefined => words.get(word.toLowerCase());

/** Every word that names a kind, for suggestions and completion. */
export const kindWords = (): Iterable<string> => words.keys();
