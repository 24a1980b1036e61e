// What Envoy asks of whole listeners, tables and clusters beyond the rules at their fields: chains that end in the right filter,
// domains and matches that are there once.

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
  type Cluster,
} from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  FilterChainMatchSchema,
  type Filter,
  type FilterChain,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema, type Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import {
  HttpConnectionManagerSchema,
  type HttpConnectionManager,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { headerProblems, routesProblems, upgradeProblems } from './route-problems.ts';
import { brokenRules } from './rules.ts';
import { typeName } from './types.ts';

/** Network filters after which nothing comes, and without which a chain leads nowhere. */
const lastOfChain = new Set(
  [
    'http_connection_manager.v3.HttpConnectionManager',
    'tcp_proxy.v3.TcpProxy',
    'redis_proxy.v3.RedisProxy',
    'thrift_proxy.v3.ThriftProxy',
    'dubbo_proxy.v3.DubboProxy',
    'direct_response.v3.Config',
    'echo.v3.Echo',
  ].map((name) => `envoy.extensions.filters.network.${name}`),
);

const router = 'envoy.extensions.filters.http.router.v3.Router';

/** What Envoy would refuse a listener for. */
export function listenerProblems(listener: Listener): string[] {
  const found = brokenRules(ListenerSchema, listener);
  const { defaultFilterChain } = listener;
  const seen = new Set<string>();
  for (const chain of listener.filterChains) {
    const match = Buffer.from(chain.filterChainMatch ? toBinary(FilterChainMatchSchema, chain.filterChainMatch) : []).toString(
      'hex',
    );
    if (seen.has(match) && listener.filterChainMatcher === undefined)
      found.push(`two filter chains of ${listener.name} match the same`);
    seen.add(match);
  }
  for (const chain of [...listener.filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])])
    found.push(...chainProblems(chain));
  return found;
}

function chainProblems({ name, filters }: FilterChain): string[] {
  const where = name === '' ? 'a chain' : `the chain ${name}`;
  const types = filters.map(configured);
  const found = endProblems(types, (type) => lastOfChain.has(type), `the filters of ${where}`);
  for (const filter of filters) {
    const manager = managerOf(filter);
    if (manager === undefined) continue;
    const kinds = manager.httpFilters.map(configured);
    found.push(...endProblems(kinds, (type) => type === router, `the HTTP filters of ${where}`));
    found.push(...upgradeProblems(manager.upgradeConfigs, where));
    if (manager.routeSpecifier.case !== 'routeConfig') continue;
    const table = manager.routeSpecifier.value;
    found.push(...headerProblems(table, `the table ${table.name}`), ...domainProblems(table.virtualHosts));
    found.push(...table.virtualHosts.flatMap(routesProblems));
  }
  return found;
}

const configured = ({ configType }: { readonly configType: { case?: string | undefined; value?: unknown } }): string =>
  configType.case === 'typedConfig' ? typeName((configType.value as { typeUrl: string }).typeUrl) : '';

function managerOf(filter: Filter): HttpConnectionManager | undefined {
  if (configured(filter) !== HttpConnectionManagerSchema.typeName || filter.configType.case !== 'typedConfig') return undefined;
  return fromBinary(HttpConnectionManagerSchema, filter.configType.value.value);
}

/** A chain ends in one filter that ends chains, and has no other such before it. */
function endProblems(types: readonly string[], isEnd: (type: string) => boolean, what: string): string[] {
  const last = types.at(-1);
  if (last === undefined) return [`${what} would be none`];
  if (!isEnd(last)) return [`${what} end in ${last || 'a filter without configuration'}, which leads nowhere`];
  return types.slice(0, -1).some(isEnd) ? [`${what} go on after the filter that ends them`] : [];
}

/** A domain belongs to one virtual host of a table. */
export function domainProblems(hosts: readonly { readonly domains: readonly string[] }[]): string[] {
  const seen = new Set<string>();
  return hosts.flatMap(({ domains }) =>
    domains.flatMap((domain) => {
      const known = seen.has(domain.toLowerCase());
      seen.add(domain.toLowerCase());
      return known ? [`the domain ${domain} has two virtual hosts`] : [];
    }),
  );
}

/** What Envoy would refuse a cluster for. */
export function clusterProblems(cluster: Cluster): string[] {
  const found = brokenRules(ClusterSchema, cluster);
  const { clusterDiscoveryType: discovery, lbPolicy, loadAssignment, edsClusterConfig } = cluster;
  const kind = discovery.case === 'type' ? discovery.value : undefined;
  if (kind === Cluster_DiscoveryType.EDS && edsClusterConfig?.edsConfig === undefined)
    found.push('an EDS cluster has no eds_config');
  if (kind === Cluster_DiscoveryType.ORIGINAL_DST && lbPolicy !== Cluster_LbPolicy.CLUSTER_PROVIDED)
    found.push('an ORIGINAL_DST cluster has a load balancer of its own');
  if (discovery.case === 'type' && kind !== Cluster_DiscoveryType.ORIGINAL_DST && lbPolicy === Cluster_LbPolicy.CLUSTER_PROVIDED)
    found.push('lb_policy CLUSTER_PROVIDED is for clusters that provide one');
  const count = loadAssignment?.endpoints.reduce((sum, { lbEndpoints }) => sum + lbEndpoints.length, 0) ?? 0;
  if (kind === Cluster_DiscoveryType.LOGICAL_DNS && count !== 1) found.push('a LOGICAL_DNS cluster has not one endpoint');
  return found;
}
