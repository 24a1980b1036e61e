// Endpoints that are chosen by their metadata: which of a cluster's endpoints are left for what a route asks for (lb_subset_config).

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import {
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as Fallback,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorFallback,
  type Cluster_LbSubsetConfig,
} from '../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Metadata } from '../../gen/envoy/config/core/v3/base_pb.js';
import type { ClusterLoadAssignment } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint } from '../../gen/envoy/config/endpoint/v3/endpoint_components_pb.js';

/** Where routes and endpoints say it. */
const subsetMetadata = 'envoy.lb';

/** What a route or a weighted cluster asks for. */
export const endpointsWanted = (metadata: Metadata | undefined): JsonObject => metadata?.filterMetadata[subsetMetadata] ?? {};

export interface Subset {
  readonly assignment: ClusterLoadAssignment;
  /** How it came to that, as a clause. */
  readonly text: string;
}

export function subsetOf(config: Cluster_LbSubsetConfig, assignment: ClusterLoadAssignment, asked: JsonObject): Subset {
  const with_ = (wanted: JsonObject): ClusterLoadAssignment => ({
    ...assignment,
    endpoints: assignment.endpoints.map((locality) => ({
      ...locality,
      lbEndpoints: locality.lbEndpoints.filter((each) => has(each, wanted)),
    })),
  });
  const keys = Object.keys(asked).sort();
  const selector = config.subsetSelectors.find((each) => keys.length > 0 && sameKeys(each.keys, keys));
  const found = selector === undefined ? undefined : with_(asked);
  if (found !== undefined && count(found) > 0) return { assignment: found, text: `of its endpoints those with ${words(asked)}` };
  const none = { ...assignment, endpoints: [] };
  const why =
    keys.length === 0
      ? 'the route asks for no subset'
      : selector === undefined
        ? `no subsets are made by ${keys.join(', ')}`
        : `no endpoint has ${words(asked)}`;
  if (selector?.fallbackPolicy === SelectorFallback.KEYS_SUBSET) {
    const fewer = Object.fromEntries(Object.entries(asked).filter(([key]) => selector.fallbackKeysSubset.includes(key)));
    const next = subsetOf(config, assignment, fewer);
    return { ...next, text: `${why}; ${next.text}` };
  }
  switch (fallbackOf(config, selector?.fallbackPolicy)) {
    case Fallback.ANY_ENDPOINT:
      return { assignment, text: `${why}, so any endpoint will do` };
    case Fallback.DEFAULT_SUBSET:
      return {
        assignment: with_(config.defaultSubset ?? {}),
        text: `${why}, so those with ${words(config.defaultSubset ?? {})} are taken`,
      };
    default:
      return { assignment: none, text: `${why}, and there is nothing to fall back on` };
  }
}

/** What a selector says goes before what the cluster says. */
function fallbackOf({ fallbackPolicy }: Cluster_LbSubsetConfig, own: SelectorFallback | undefined): Fallback {
  switch (own) {
    case SelectorFallback.NO_FALLBACK:
      return Fallback.NO_FALLBACK;
    case SelectorFallback.ANY_ENDPOINT:
      return Fallback.ANY_ENDPOINT;
    case SelectorFallback.DEFAULT_SUBSET:
      return Fallback.DEFAULT_SUBSET;
    default:
      return fallbackPolicy;
  }
}

const sameKeys = (keys: readonly string[], sorted: readonly string[]): boolean =>
  keys.length === sorted.length && keys.toSorted().every((key, index) => key === sorted[index]);

function has({ metadata }: LbEndpoint, wanted: JsonObject): boolean {
  const own = metadata?.filterMetadata[subsetMetadata] ?? {};
  return Object.entries(wanted).every(([key, value]) => same(own[key], value));
}

const same = (a: JsonValue | undefined, b: JsonValue): boolean => a !== undefined && JSON.stringify(a) === JSON.stringify(b);

const count = ({ endpoints }: ClusterLoadAssignment): number =>
  endpoints.reduce((sum, { lbEndpoints }) => sum + lbEndpoints.length, 0);

const words = (wanted: JsonObject): string =>
  Object.entries(wanted)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ') || 'whatever metadata';
