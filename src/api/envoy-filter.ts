// EnvoyFilter: patches to the Envoy configuration that Lateen generates (networking.istio.io).

import type { Static } from 'typebox';
import { attached, patches } from './envoy-filter-checks.ts';
import { defineKind } from './kind.ts';
import { choice, freeForm, int32, integer, list, message, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { PolicyTargetReference, WorkloadSelector } from './shared/selector.ts';

const port = integer(0, 65_535);
const FilterMatch = message({}, { name: text, subFilter: message({}, { name: text }) });

const ListenerMatch = message(
  {},
  {
    portNumber: port,
    portName: text,
    name: text,
    listenerFilter: text,
    filterChain: message(
      {},
      { name: text, sni: text, transportProtocol: text, applicationProtocols: text, destinationPort: port, filter: FilterMatch },
    ),
  },
);

const RouteConfigurationMatch = message(
  {},
  {
    portNumber: port,
    portName: text,
    gateway: text,
    name: text,
    vhost: message(
      {},
      {
        name: text,
        domainName: text,
        route: message({}, { name: text, action: choice('ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE') }),
      },
    ),
  },
);

const EnvoyConfigObjectMatch = message(
  {},
  {
    context: choice('ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT'),
    proxy: message({}, { proxyVersion: text, metadata: textMap }),
    listener: ListenerMatch,
    routeConfiguration: RouteConfigurationMatch,
    cluster: message({}, { portNumber: port, service: text, subset: text, name: text }),
    waypoint: message({}, { portNumber: port, route: message({}, { name: text }), filter: FilterMatch }),
  },
);

const Patch = message(
  {},
  {
    operation: choice(
      'INVALID',
      'MERGE',
      'ADD',
      'REMOVE',
      'INSERT_BEFORE',
      'INSERT_AFTER',
      'INSERT_FIRST',
      'REPLACE',
      'MERGE_AND_REPLACE_LIST',
    ),
    value: freeForm,
    filterClass: choice('UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'),
  },
);

const EnvoyConfigObjectPatch = message(
  {},
  {
    applyTo: choice(
      'INVALID',
      'LISTENER',
      'FILTER_CHAIN',
      'NETWORK_FILTER',
      'HTTP_FILTER',
      'ROUTE_CONFIGURATION',
      'VIRTUAL_HOST',
      'HTTP_ROUTE',
      'CLUSTER',
      'EXTENSION_CONFIG',
      'BOOTSTRAP',
      'LISTENER_FILTER',
    ),
    match: EnvoyConfigObjectMatch,
    patch: Patch,
  },
);
export type EnvoyConfigObjectPatch = Static<typeof EnvoyConfigObjectPatch>;

const Spec = message(
  {},
  {
    workloadSelector: WorkloadSelector,
    targetRefs: list(PolicyTargetReference, { maxItems: 16 }),
    configPatches: list(EnvoyConfigObjectPatch),
    priority: int32,
  },
);

const schema = documentOf(Spec);
export type EnvoyFilter = Static<typeof schema>;

export const envoyFilter = defineKind({
  ...istioNetworking,
  versions: ['v1alpha3'],
  kind: 'EnvoyFilter',
  plural: 'envoyfilters',
  shortNames: [],
  schema,
  checks: [attached, patches],
  columns: [],
  inEffect: true,
});
