// What of a route its facts do not tell: compared field by field, so that no change is silent.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { isObject } from './json-changes.ts';

/** Fields of a route's JSON that have facts of their own, or say where it comes from. */
const told = ['name', 'match', 'metadata', 'decorator', 'redirect', 'directResponse', 'statPrefix'];
const toldHeaders = ['requestHeadersToAdd', 'requestHeadersToRemove', 'responseHeadersToAdd', 'responseHeadersToRemove'];
const toldOfAction = [
  'cluster',
  'clusterHeader',
  'prefixRewrite',
  'regexRewrite',
  'hostRewriteLiteral',
  'timeout',
  'maxGrpcTimeout',
  'idleTimeout',
];
const toldLists = ['retryPolicy', 'requestMirrorPolicies', 'hashPolicy', 'maxStreamDuration', 'inlineClusterSpecifierPlugin'];

/** The filters of which something is a fact: of their settings all else counts where that is the same. */
const filters: Readonly<Record<string, string>> = { fault: 'envoy.filters.http.fault', CORS: 'envoy.filters.http.cors' };

/** What is left of a route's JSON when all that facts tell is taken away; `changed` names the facts that are others. */
export function untold(route: JsonValue, changed: ReadonlySet<string>): JsonValue {
  if (!isObject(route)) return route;
  const rest = without(route, [...told, ...toldHeaders]);
  const { route: action, typedPerFilterConfig: own } = rest;
  if (isObject(own)) {
    const settled = Object.entries(filters).flatMap(([label, name]) => (changed.has(label) ? [name] : []));
    const others = without(own, settled);
    if (Object.keys(others).length > 0) rest['typedPerFilterConfig'] = others;
    else delete rest['typedPerFilterConfig'];
  }
  if (isObject(action)) rest['route'] = untoldAction(action);
  return rest;
}

function untoldAction(action: JsonObject): JsonValue {
  const { weightedClusters: weighted, ...others } = without(action, [...toldOfAction, ...toldLists]);
  if (!isObject(weighted) || !Array.isArray(weighted['clusters'])) return others;
  const clusters = weighted['clusters'].map((each) => (isObject(each) ? without(each, ['weight']) : each));
  // A destination that comes or goes is a fact; what it does with headers is not.
  const saying = clusters.filter((each) => isObject(each) && Object.keys(each).length > 1);
  return saying.length === 0 ? others : { ...others, weightedClusters: { clusters: saying } };
}

const without = (object: JsonObject, keys: readonly string[]): { [key: string]: JsonValue } =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
