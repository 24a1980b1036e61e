// What Envoy asks of virtual hosts and routes beyond the rules at their fields: one rewrite of the path, upgrades that are there once,
// headers that may be changed, weights that come to something.

import {
  VirtualHostSchema,
  type RetryPolicy,
  type Route,
  type RouteAction,
  type VirtualHost,
  type WeightedCluster,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { HeaderValueOption } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { brokenRules } from './rules.ts';

/** What Envoy would refuse a virtual host's table for. */
export const hostProblems = (host: VirtualHost): string[] => [...brokenRules(VirtualHostSchema, host), ...routesProblems(host)];

/** The same without the rules at fields, for a host of a message whose fields have been looked at. */
export function routesProblems(host: VirtualHost): string[] {
  return [
    ...headerProblems(host, `the virtual host ${host.name}`),
    ...retryProblems(host.retryPolicy, `the virtual host ${host.name}`),
    ...host.routes.flatMap((route, at) => routeProblems(route, `route ${route.name || at} of ${host.name}`)),
  ];
}

function routeProblems(route: Route, where: string): string[] {
  const found = headerProblems(route, where);
  if (route.action.case !== 'route') return found;
  const action = route.action.value;
  found.push(
    ...rewriteProblems(action, where),
    ...upgradeProblems(action.upgradeConfigs, where),
    ...retryProblems(action.retryPolicy, where),
  );
  for (const { upgradeType, connectConfig } of action.upgradeConfigs) {
    if (connectConfig !== undefined && !/^connect(?:-udp)?$/i.test(upgradeType))
      found.push(`${where} has a connect_config for ${upgradeType}`);
  }
  for (const { cluster, clusterHeader } of action.requestMirrorPolicies) {
    if ((cluster === '') === (clusterHeader === '')) found.push(`a mirror of ${where} has not one of cluster, cluster_header`);
  }
  if (action.clusterSpecifier.case === 'weightedClusters')
    found.push(...weightProblems(action.clusterSpecifier.value.clusters, where));
  return found;
}

function rewriteProblems({ prefixRewrite, regexRewrite, pathRewritePolicy }: RouteAction, where: string): string[] {
  const rewrites = [prefixRewrite !== '', regexRewrite !== undefined, pathRewritePolicy !== undefined];
  return rewrites.filter(Boolean).length > 1 ? [`${where} rewrites the path in two ways`] : [];
}

/** Of a connection manager or of a route: Envoy compares the names without regard to case. */
export function upgradeProblems(upgrades: readonly { readonly upgradeType: string }[], where: string): string[] {
  const names = upgrades.map(({ upgradeType }) => upgradeType.toLowerCase());
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))].map(
    (name) => `${where} has the upgrade ${name} twice`,
  );
}

function retryProblems(policy: RetryPolicy | undefined, where: string): string[] {
  const { baseInterval, maxInterval } = policy?.retryBackOff ?? {};
  if (baseInterval === undefined || maxInterval === undefined) return [];
  const nanos = ({ seconds, nanos: rest }: typeof baseInterval): bigint => seconds * 1_000_000_000n + BigInt(rest);
  return nanos(maxInterval) < nanos(baseInterval)
    ? [`${where} has a retry_back_off whose max_interval is below base_interval`]
    : [];
}

function weightProblems(clusters: readonly WeightedCluster['clusters'][number][], where: string): string[] {
  const found = clusters.flatMap((cluster) => headerProblems(cluster, where));
  for (const { name, clusterHeader } of clusters) {
    if ((name === '') === (clusterHeader === ''))
      found.push(`a weighted cluster of ${where} has not one of name, cluster_header`);
  }
  const sum = clusters.reduce((total, { weight }) => total + (weight ?? 0), 0);
  if (sum === 0) found.push(`the weights of ${where} come to 0`);
  if (sum > 0xffff_ffff) found.push(`the weights of ${where} come to more than 4294967295`);
  return found;
}

interface HeaderChanges {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** Of a table, a virtual host, a route or a weighted cluster. */
export function headerProblems(changes: HeaderChanges, where: string): string[] {
  const added = [...changes.requestHeadersToAdd, ...changes.responseHeadersToAdd].map(({ header }) => header?.key ?? '');
  const names = [...added, ...changes.requestHeadersToRemove, ...changes.responseHeadersToRemove];
  return names
    .filter((name) => /^(?::|host$)/i.test(name))
    .map((name) => `${where} changes the header ${name}, which no route may`);
}
