// How a rule sends requests on → Envoy's route action: clusters and weights, timeouts, rewrites, mirrors.

import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  RouteAction_RequestMirrorPolicySchema,
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { HTTPRetry } from '../../api/shared/http-retry.ts';
import { alpnFilterName, announce, type Announcement } from '../../filters/alpn.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { dynamicTarget, dynamicTargetFilter } from '../../filters/dynamic-names.ts';
import { percent } from '../../filters/percent.ts';
import type { Destination, Forward, Headers, HttpRule, WeightedDestination } from '../../mesh/route.ts';
import { headerFields, hostChange } from './header-changes.ts';
import { retryPolicyOf } from './retries.ts';

type RouteAction = Init<typeof RouteActionSchema>;
type HashPolicy = NonNullable<RouteAction['hashPolicy']>[number];

/** Where a destination leads, as the table's owner resolves it. */
export interface ResolvedDestination {
  readonly cluster: string;
  /** What the proxy announces inside mutual TLS when it sends there; undefined: what the table announces anyway. */
  readonly announcement: Announcement | undefined;
  /** How requests are spread by their content, when the destination's policy says so. */
  readonly hashPolicy: readonly HashPolicy[];
  /** The request's own host is looked up, and called at this port. */
  readonly dynamicPort?: number | undefined;
}

export interface ActionContext {
  resolve(destination: Destination): ResolvedDestination;
  readonly defaultRetries: HTTPRetry | undefined;
  /** Servers are told the host that a request had before a rule changed it. */
  readonly tellsHost: boolean;
}

/** A route action, and what belongs to the route around it. */
export interface ForwardAction {
  readonly action: RouteAction;
  readonly announcement: Announcement | undefined;
  readonly dynamicPort?: number | undefined;
  /** Header changes of the only destination; several have their own. */
  readonly headers: Headers | undefined;
}

/** Sends on: to one cluster, or to several by weight; those of weight 0 get nothing. */
export function forwardAction(rule: HttpRule, { destinations }: Forward, context: ActionContext): ForwardAction {
  const weighted = destinations.length === 1 ? destinations : destinations.filter(({ weight }) => weight > 0);
  const resolved = weighted.map((destination) => ({ destination, to: context.resolve(destination.destination) }));
  const hashPolicy = resolved.flatMap(({ to }) => to.hashPolicy);
  const [first] = resolved;
  const only = resolved.length === 1 ? first : undefined;
  const retryPolicy = retryPolicyOf(rule.retries, context.defaultRetries, only !== undefined && hashPolicy.length > 0);
  const authority = rule.rewrite?.authority || hostChange(rule.headers) || hostChange(only?.destination.headers);
  const action: RouteAction = {
    ...timeouts(rule.timeout),
    ...(retryPolicy && { retryPolicy }),
    ...pathRewrite(rule),
    ...(authority && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: authority } }),
    ...(context.tellsHost && { appendXForwardedHost: true }),
    ...mirroring(rule, context),
    ...(hashPolicy.length > 0 && { hashPolicy }),
  };
  if (only !== undefined) {
    action.clusterSpecifier = { case: 'cluster', value: only.to.cluster };
    return { action, announcement: only.to.announcement, dynamicPort: only.to.dynamicPort, headers: only.destination.headers };
  }
  const same = resolved.every(({ to }) => to.announcement === first?.to.announcement);
  action.clusterSpecifier = {
    case: 'weightedClusters',
    value: { clusters: resolved.map(({ destination, to }) => clusterWeight(destination, to, !same)) },
  };
  return { action, announcement: same ? first?.to.announcement : undefined, headers: undefined };
}

function clusterWeight(
  { weight, headers }: WeightedDestination,
  to: ResolvedDestination,
  announcesItself: boolean,
): Init<typeof WeightedCluster_ClusterWeightSchema> {
  const host = hostChange(headers);
  return {
    name: to.cluster,
    weight,
    ...headerFields(headers),
    ...(host !== undefined && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: host } }),
    typedPerFilterConfig: destinationFilters(announcesItself ? to : { ...to, announcement: undefined }),
  };
}

/** What a destination says to filters. */
export const destinationFilters = ({
  announcement,
  dynamicPort,
}: Pick<ResolvedDestination, 'announcement' | 'dynamicPort'>): Record<string, Any> => ({
  ...(announcement !== undefined && { [alpnFilterName]: announce(announcement) }),
  ...(dynamicPort !== undefined && { [dynamicTargetFilter]: dynamicTarget(dynamicPort) }),
});

/**
 * No timeout unless a rule gives one; gRPC's own deadline header is obeyed up to it. Envoy does not look at `timeout` where
 * `maxStreamDuration` is there, so a rule's goes with the older `maxGrpcTimeout`, as in Istio.
 */
export function timeouts(timeout = 0): RouteAction {
  const limit = duration(timeout);
  return timeout === 0
    ? { timeout: limit, maxStreamDuration: { maxStreamDuration: limit, grpcTimeoutHeaderMax: limit } }
    : { timeout: limit, maxGrpcTimeout: limit };
}

/** What the match took of the path is replaced: the prefix, or the whole path of an exact or regular-expression match. */
function pathRewrite({ rewrite }: HttpRule): RouteAction {
  if (rewrite?.regex !== undefined) {
    return { regexRewrite: { pattern: { regex: rewrite.regex.match }, substitution: rewrite.regex.rewrite } };
  }
  return rewrite === undefined || rewrite.uri === '' ? {} : { prefixRewrite: rewrite.uri };
}

function mirroring({ mirrors }: HttpRule, context: ActionContext): RouteAction {
  const requestMirrorPolicies = mirrors
    .filter((mirror) => mirror.percent > 0)
    .map((mirror): Init<typeof RouteAction_RequestMirrorPolicySchema> => ({
      cluster: context.resolve(mirror.destination).cluster,
      runtimeFraction: { defaultValue: percent(mirror.percent) },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    }));
  return requestMirrorPolicies.length > 0 ? { requestMirrorPolicies } : {};
}
