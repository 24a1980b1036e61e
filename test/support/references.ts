// References between compiled resources that lead nowhere: route tables, clusters and endpoint sets that are named and not there.

import { resourcesJson } from '../../src/control/resource-json.ts';
import type { Compiled } from '../../src/compile/compile.ts';

/** Names that are referred to and not compiled, sorted: `route 9080`, `cluster outbound|…`, `endpoints outbound|…`. */
export async function danglingReferences(compiled: Compiled): Promise<string[]> {
  const { listeners, routes, clusters } = await resourcesJson(compiled);
  const has = {
    route: new Set(compiled.routes.map(({ name }) => name)),
    cluster: new Set(compiled.clusters.map(({ name }) => name)),
    endpoints: new Set(compiled.endpoints.map(({ name }) => name)),
  };
  const missing = new Set<string>();
  const refer = (kind: keyof typeof has, name: unknown) => {
    if (typeof name === 'string' && !has[kind].has(name)) missing.add(`${kind} ${name}`);
  };
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    if (!isRecord(value)) return;
    refer('route', value['routeConfigName']);
    refer('cluster', value['cluster']);
    const { weightedClusters, edsClusterConfig } = value;
    if (isRecord(weightedClusters) && Array.isArray(weightedClusters['clusters'])) {
      for (const cluster of weightedClusters['clusters']) if (isRecord(cluster)) refer('cluster', cluster['name']);
    }
    if (isRecord(edsClusterConfig)) refer('endpoints', edsClusterConfig['serviceName']);
    Object.values(value).forEach(walk);
  };
  walk([listeners, routes, clusters]);
  return [...missing].sort();
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
