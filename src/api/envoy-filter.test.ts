// What EnvoyFilters may say and may not.

import { kindTable } from './testing/kind-table.ts';

const patch = (text: string): string => `{configPatches: [{${text}}]}`;

kindTable('networking.istio.io/v1alpha3', 'EnvoyFilter', {
  accepted: [
    patch(`applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}}}},
      patch: {operation: INSERT_BEFORE, value: {name: a, typed_config: {"@type": type.googleapis.com/google.protobuf.Empty, deep: [{any: thing}]}}}`),
    patch('applyTo: CLUSTER, match: {cluster: {service: a}}, patch: {operation: REMOVE}'),
  ],
  refused: [
    ['LAT1611 spec.configPatches.0.applyTo', patch('patch: {operation: ADD, value: {}}')],
    ['LAT1611 spec.configPatches.0.patch', patch('applyTo: CLUSTER')],
    ['LAT1611 spec.configPatches.0.patch.value', patch('applyTo: CLUSTER, patch: {operation: ADD}')],
    [
      'LAT1612 spec.configPatches.0.match.listener',
      patch('applyTo: CLUSTER, match: {listener: {name: a}}, patch: {operation: REMOVE}'),
    ],
    [
      'LAT1614 spec.configPatches.0.patch.value.config',
      patch('applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: a, config: {}}}'),
    ],
    ['LAT1003 spec.configPatches.0.applyTo', patch('applyTo: CLUSTERS, patch: {operation: REMOVE}')],
    ['LAT1028 spec', '{workloadSelector: {labels: {a: b}}, targetRefs: [{kind: Service, name: a}]}'],
  ],
});
