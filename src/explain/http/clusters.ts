// The clusters of a route's action, with the share of requests that each gets.

import type {
  ClusterSpecifierPlugin,
  Route,
  RouteAction,
  WeightedCluster_ClusterWeight,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { LuaConfigSchema } from '../../../gen/envoy/extensions/router/cluster_specifiers/lua/v3/lua_pb.js';
import { computedName, readNameScript } from '../../compile/demand/computed-name.ts';
import type { Mirror } from '../explanation.ts';
import { authorityOf, headerValue, type Headers } from '../headers.ts';
import { fraction } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';

export interface ClusterChoice {
  readonly cluster: string;
  /** 0 to 1. */
  readonly share: number;
  readonly weighted: WeightedCluster_ClusterWeight | undefined;
}

/** Likeliest first; a text says why it cannot be known. */
export function clusterChoices(
  { clusterSpecifier: specifier }: RouteAction,
  headers: Headers,
): readonly ClusterChoice[] | string {
  const only = (cluster: string): ClusterChoice[] => [{ cluster, share: 1, weighted: undefined }];
  switch (specifier.case) {
    case 'cluster':
      return only(specifier.value);
    case 'clusterHeader':
      return only(headerValue(headers, specifier.value) ?? '');
    case 'weightedClusters': {
      const { clusters } = specifier.value;
      const total = clusters.reduce((sum, { weight = 0 }) => sum + weight, 0);
      return clusters
        .filter(({ weight = 0 }) => weight > 0)
        .map((weighted) => ({
          cluster: weighted.name || (headerValue(headers, weighted.clusterHeader) ?? ''),
          share: (weighted.weight ?? 0) / total,
          weighted,
        }))
        .toSorted((a, b) => b.share - a.share);
    }
    case 'inlineClusterSpecifierPlugin': {
      const script = scriptOf(specifier.value);
      if (script === undefined) return `the cluster is chosen by an extension, ${specifier.value.extension?.name ?? 'unnamed'}`;
      return only(computedName(script, authorityOf(headers)));
    }
    case 'clusterSpecifierPlugin':
      return `the cluster is chosen by an extension, ${specifier.value}`;
    case undefined:
      return 'the route names no cluster';
  }
}

/** Whether a route computes its cluster's name from the request's host, as those on demand do. */
export function computesName({ action }: Route): boolean {
  const specifier = action.case === 'route' ? action.value.clusterSpecifier : undefined;
  return specifier?.case === 'inlineClusterSpecifierPlugin' && scriptOf(specifier.value) !== undefined;
}

function scriptOf({ extension }: ClusterSpecifierPlugin) {
  const lua = typedConfig(LuaConfigSchema, extension?.typedConfig)?.sourceCode?.specifier;
  return lua?.case === 'inlineString' ? readNameScript(lua.value) : undefined;
}

/** Who gets a copy. */
export const mirrorsOf = ({ requestMirrorPolicies }: RouteAction, headers: Headers): Mirror[] =>
  requestMirrorPolicies.flatMap(({ cluster, clusterHeader, runtimeFraction }) => {
    const name = cluster || (headerValue(headers, clusterHeader) ?? '');
    const share = runtimeFraction === undefined ? 1 : fraction(runtimeFraction.defaultValue);
    return name === '' || share === 0 ? [] : [{ cluster: name, share }];
  });
