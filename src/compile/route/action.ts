// What a rule does with a request → Envoy's route actions: forward, redirect, answer directly; headers, retries, mirrors.

import type { Any } from '@bufbuild/protobuf/wkt';
import { HeaderValueOption_HeaderAppendAction, type HeaderValueOptionSchema } from '../../../gen/envoy/config/core/v3/base_pb.js';
import {
  RedirectAction_RedirectResponseCode,
  type RedirectActionSchema,
  type RetryPolicySchema,
  type RouteActionSchema,
  type RouteSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { PreviousHostsPredicateSchema } from '../../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { PreviousPrioritiesConfigSchema } from '../../../gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js';
import type { HTTPRetry } from '../../api/shared/http-retry.ts';
import { alpnFilterName, announce, type Announcement } from '../../filters/alpn.ts';
import { any, type Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { percent } from '../../filters/percent.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Destination, DirectResponse, Forward, HeaderChanges, HttpMatch, HttpRule, Redirect, Retries, WeightedDestination } from '../../mesh/route.ts';

type RouteInit = Init<typeof RouteSchema>;
type Action = NonNullable<RouteInit['action']>;
type RouteAction = Init<typeof RouteActionSchema>;
type RetryPolicy = Init<typeof RetryPolicySchema>;
type HashPolicy = NonNullable<RouteAction['hashPolicy']>[number];

/** Where a destination leads, as the table's owner resolves it. */
export interface ResolvedDestination {
  readonly cluster: string;
  /** What the proxy announces inside mutual TLS when it sends there; undefined: what the table announces anyway. */
  readonly announcement: Announcement | undefined;
  /** How requests are spread by their content, when the destination's policy says so. */
  readonly hashPolicy: readonly HashPolicy[];
}

export interface ActionContext {
  resolve(destination: Destination): ResolvedDestination;
  readonly defaultRetries: HTTPRetry | undefined;
}

export function redirectAction(redirect: Redirect): Action {
  const value: Init<typeof RedirectActionSchema> = {
    ...(redirect.authority !== '' && { hostRedirect: redirect.authority }),
    ...(redirect.uri !== ''
      ? { pathRewriteSpecifier: { case: 'pathRedirect', value: redirect.uri } }
      : redirect.prefixRewrite !== '' && { pathRewriteSpecifier: { case: 'prefixRewrite', value: redirect.prefixRewrite } }),
    ...(redirect.scheme !== '' && { schemeRewriteSpecifier: { case: 'schemeRedirect', value: redirect.scheme } }),
    ...redirectPort(redirect),
    responseCode: redirectCodes[redirect.code] ?? RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  };
  return { case: 'redirect', value };
}

const redirectCodes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

function redirectPort({ port, derivePort, scheme }: Redirect): { portRedirect?: number } {
  if (port !== undefined) return { portRedirect: port };
  if (derivePort !== 'FROM_PROTOCOL_DEFAULT') return {};
  return { portRedirect: scheme === 'https' ? 443 : 80 };
}

export const directAction = ({ status, body }: DirectResponse): Action => ({
  case: 'directResponse',
  value: { status, ...(body && { body: { specifier: { case: 'inlineBytes', value: new Uint8Array(body) } } }) },
});

/** Sends on: to one cluster, or to several by weight. What the announcement must be is returned beside. */
export function forwardAction(
  rule: HttpRule,
  { destinations }: Forward,
  match: HttpMatch | undefined,
  context: ActionContext,
): { action: RouteAction; announcement: Announcement | undefined } {
  const retryPolicy = retryPolicyOf(rule.retries, context.defaultRetries, false);
  const action: RouteAction = {
    ...timeouts(rule.timeout),
    ...(retryPolicy && { retryPolicy }),
    ...rewriteFields(rule, match),
    ...(rule.mirrors.length > 0 && {
      requestMirrorPolicies: rule.mirrors
        .filter((mirror) => mirror.percent > 0)
        .map((mirror) => ({
          cluster: context.resolve(mirror.destination).cluster,
          runtimeFraction: { defaultValue: percent(mirror.percent) },
          traceSampled: false,
          disableShadowHostSuffixAppend: true,
        })),
    }),
  };
  const weighted = destinations.length === 1 ? destinations : destinations.filter(({ weight }) => weight > 0);
  const resolved = weighted.map((destination) => ({ destination, to: context.resolve(destination.destination) }));
  const [first] = resolved;
  const hashPolicy = resolved.find(({ to }) => to.hashPolicy.length > 0)?.to.hashPolicy ?? [];
  if (hashPolicy.length > 0) action.hashPolicy = [...hashPolicy];
  if (first !== undefined && resolved.length === 1) {
    action.clusterSpecifier = { case: 'cluster', value: first.to.cluster };
    return { action, announcement: first.to.announcement };
  }
  const same = resolved.every(({ to }) => to.announcement === first?.to.announcement);
  action.clusterSpecifier = {
    case: 'weightedClusters',
    value: { clusters: resolved.map(({ destination, to }) => clusterWeight(destination, to, !same)) },
  };
  return { action, announcement: same ? first?.to.announcement : undefined };
}

function clusterWeight(
  { weight, headers }: WeightedDestination,
  to: ResolvedDestination,
  announcesItself: boolean,
): Init<typeof WeightedCluster_ClusterWeightSchema> {
  const changes = headerFields(headers?.request, headers?.response);
  return {
    name: to.cluster,
    weight,
    ...changes.fields,
    ...(changes.host !== undefined && { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: changes.host } }),
    ...(announcesItself && to.announcement !== undefined && { typedPerFilterConfig: announcementConfig(to.announcement) }),
  };
}

export const announcementConfig = (announcement: Announcement): Record<string, Any> => ({ [alpnFilterName]: announce(announcement) });

/** No timeout unless a rule gives one; gRPC's own deadline header is obeyed up to it. */
export function timeouts(timeout: number | undefined): RouteAction {
  const limit = duration(timeout ?? 0);
  return { timeout: limit, maxStreamDuration: { maxStreamDuration: duration(0), grpcTimeoutHeaderMax: limit } };
}

function rewriteFields({ rewrite, headers }: HttpRule, match: HttpMatch | undefined): RouteAction {
  const fields: RouteAction = {};
  const authority = rewrite?.authority || headerFields(headers?.request, undefined).host;
  if (authority) fields.hostRewriteSpecifier = { case: 'hostRewriteLiteral', value: authority };
  if (rewrite?.regex !== undefined) {
    fields.regexRewrite = { pattern: { regex: rewrite.regex.match }, substitution: rewrite.regex.rewrite };
  } else if (rewrite !== undefined && rewrite.uri !== '') {
    // A regular expression has no prefix to replace: the whole path is.
    if (match?.uri?.kind === 'regex') fields.regexRewrite = { pattern: { regex: match.uri.value }, substitution: rewrite.uri };
    else fields.prefixRewrite = rewrite.uri;
  }
  return fields;
}

const host = /^(host|:authority)$/i;

const overwrite = HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD;
const append = HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD;

const additions = (changes: HeaderChanges | undefined): Init<typeof HeaderValueOptionSchema>[] => {
  const list = (map: Readonly<Record<string, string>>, appendAction: HeaderValueOption_HeaderAppendAction) =>
    Object.entries(map)
      .filter(([key]) => !host.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ header: { key, value }, appendAction }));
  return changes === undefined ? [] : [...list(changes.add, append), ...list(changes.set, overwrite)];
};

/** Header changes as fields of a route or weighted cluster; a change of `Host` is a rewrite of the authority instead. */
export function headerFields(request: HeaderChanges | undefined, response: HeaderChanges | undefined) {
  const requestHeadersToAdd = additions(request);
  const responseHeadersToAdd = additions(response);
  const fields = {
    ...(requestHeadersToAdd.length > 0 && { requestHeadersToAdd }),
    ...(request !== undefined && request.remove.length > 0 && { requestHeadersToRemove: [...request.remove] }),
    ...(responseHeadersToAdd.length > 0 && { responseHeadersToAdd }),
    ...(response !== undefined && response.remove.length > 0 && { responseHeadersToRemove: [...response.remove] }),
  };
  const authority = Object.entries({ ...request?.add, ...request?.set }).find(([key]) => host.test(key));
  return { fields, host: authority?.[1] };
}

const defaultRetryOn = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

/**
 * A rule's retries, else the mesh's, else Istio's default: two more attempts, on other hosts where it can, when the request
 * cannot have been acted upon (istio.md §3.7). Zero attempts: none.
 */
export function retryPolicyOf(rule: Retries | undefined, mesh: HTTPRetry | undefined, hashed: boolean): RetryPolicy | undefined {
  const wanted: Retries | undefined =
    rule ??
    (mesh && {
      attempts: mesh.attempts ?? 0,
      perTryTimeout: mesh.perTryTimeout === undefined ? undefined : milliseconds(mesh.perTryTimeout),
      retryOn: mesh.retryOn ?? '',
      retryRemoteLocalities: mesh.retryRemoteLocalities ?? false,
      retryIgnorePreviousHosts: mesh.retryIgnorePreviousHosts ?? true,
      backoff: mesh.backoff === undefined ? undefined : milliseconds(mesh.backoff),
    });
  const attempts = wanted?.attempts ?? 2;
  if (attempts <= 0) return undefined;
  const { conditions, codes } = splitRetryOn(wanted?.retryOn || defaultRetryOn);
  const avoidsHosts = (wanted?.retryIgnorePreviousHosts ?? true) && !hashed;
  return {
    numRetries: attempts,
    retryOn: conditions,
    ...(codes.length > 0 && { retriableStatusCodes: codes }),
    ...(wanted?.perTryTimeout && { perTryTimeout: duration(wanted.perTryTimeout) }),
    ...(wanted?.backoff && { retryBackOff: { baseInterval: duration(wanted.backoff) } }),
    ...(avoidsHosts && {
      retryHostPredicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          configType: { case: 'typedConfig' as const, value: any(PreviousHostsPredicateSchema, {}) },
        },
      ],
    }),
    hostSelectionRetryMaxAttempts: 5n,
    ...(wanted?.retryRemoteLocalities && {
      retryPriority: {
        name: 'envoy.retry_priorities.previous_priorities',
        configType: { case: 'typedConfig' as const, value: any(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }) },
      },
    }),
  };
}

/** Status codes stand among the conditions of `retryOn`; Envoy wants them apart. */
function splitRetryOn(text: string): { conditions: string; codes: number[] } {
  const words = text.split(',').map((word) => word.trim()).filter(Boolean);
  const codes = words.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const conditions = words.filter((word) => !/^\d+$/.test(word));
  if (codes.length > 0 && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes');
  return { conditions: conditions.join(','), codes };
}
