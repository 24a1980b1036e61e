// A route as facts: where it sends a request, with what limits, and what it changes on the way.

import type { HeaderValueOption } from '../../../gen/envoy/config/core/v3/base_pb.js';
import type {
  RedirectAction,
  RetryPolicy,
  Route,
  RouteAction,
  RouteAction_HashPolicy,
  WeightedCluster,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { FractionalPercent } from '../../../gen/envoy/type/v3/percent_pb.js';
import { CorsPolicySchema } from '../../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { HTTPFaultSchema } from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { responseChanges } from '../header-changes.ts';
import { milliseconds, timeText } from '../milliseconds.ts';
import { fraction, listed, percentText } from '../passage.ts';
import { redirectStatus } from '../rewrite.ts';
import { stringWanted } from '../string-match.ts';
import { typedConfig } from '../typed-config.ts';
import { factsOf, type Facts } from './facts.ts';
import { clusterWords } from './names.ts';

export function routeFacts(route: Route): Facts {
  const { action } = route;
  return factsOf([
    ...(action.case === 'route' ? actionFacts(action.value) : []),
    ['answers', action.case === 'directResponse' ? String(action.value.status) : undefined],
    ['redirects', action.case === 'redirect' ? redirectWords(action.value) : undefined],
    ['fault', faultWords(route)],
    ['CORS', corsWords(route)],
    ['request headers', headerWords(route.requestHeadersToAdd, route.requestHeadersToRemove)],
    ['response headers', headerWords(route.responseHeadersToAdd, route.responseHeadersToRemove)],
  ]);
}

function actionFacts(action: RouteAction): (readonly [string, string | undefined])[] {
  const { timeout, idleTimeout, maxStreamDuration, retryPolicy, requestMirrorPolicies, hashPolicy } = action;
  return [
    ['to', targetWords(action)],
    ['rewritten to', rewriteWords(action)],
    ['timeout', timeWords(milliseconds(maxStreamDuration?.maxStreamDuration) || milliseconds(timeout))],
    ['idle timeout', timeWords(milliseconds(idleTimeout))],
    ['retries', retryPolicy && retryWords(retryPolicy)],
    [
      'mirrored to',
      listed(
        requestMirrorPolicies.map(
          ({ cluster, runtimeFraction }) =>
            `${clusterWords(cluster)} ${percentText(runtimeFraction === undefined ? 1 : fraction(runtimeFraction.defaultValue))}`,
        ),
      ),
    ],
    ['kept together by', listed(hashPolicy.flatMap(hashWords))],
  ];
}

const timeWords = (time: number | undefined): string | undefined =>
  time === undefined || time === 0 ? undefined : timeText(time);

function targetWords({ clusterSpecifier: target }: RouteAction): string {
  switch (target.case) {
    case 'cluster':
      return clusterWords(target.value);
    case 'clusterHeader':
      return `what header ${target.value} names`;
    case 'weightedClusters':
      return weightedWords(target.value);
    case 'inlineClusterSpecifierPlugin':
      return 'the service of the host that is asked for';
    case 'clusterSpecifierPlugin':
      return target.value;
    case undefined:
      return 'nowhere';
  }
}

function weightedWords({ clusters }: WeightedCluster): string {
  const total = clusters.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  return clusters
    .map(({ name, weight = 0 }) => `${clusterWords(name)} ${percentText(total === 0 ? 0 : weight / total)}`)
    .join(', ');
}

function rewriteWords({ prefixRewrite, regexRewrite, hostRewriteSpecifier: host, pathRewritePolicy }: RouteAction): string {
  return listed([
    ...(prefixRewrite === '' ? [] : [`path ${prefixRewrite}`]),
    ...(regexRewrite === undefined ? [] : [`path ${regexRewrite.pattern?.regex ?? ''} → ${regexRewrite.substitution}`]),
    ...(pathRewritePolicy === undefined ? [] : ['a path by its template']),
    ...(host.case === 'hostRewriteLiteral' ? [`host ${host.value}`] : host.case === undefined ? [] : ['another host']),
  ]);
}

function retryWords({ numRetries = 1, retryOn, perTryTimeout }: RetryPolicy): string {
  const each = timeWords(milliseconds(perTryTimeout));
  return `${numRetries} on ${retryOn}${each === undefined ? '' : `, ${each} each`}`;
}

/** Istio's, where nobody says otherwise. */
export const usualRetries = '2 on connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

function hashWords({ policySpecifier: policy }: RouteAction_HashPolicy): string[] {
  switch (policy.case) {
    case 'header':
      return [`header ${policy.value.headerName}`];
    case 'cookie':
      return [`cookie ${policy.value.name}`];
    case 'queryParameter':
      return [`query parameter ${policy.value.name}`];
    case 'connectionProperties':
      return policy.value.sourceIp ? ['address'] : [];
    case 'filterState':
      return [`filter state ${policy.value.key}`];
    case undefined:
      return [];
  }
}

function redirectWords(redirect: RedirectAction): string {
  const { hostRedirect, schemeRewriteSpecifier: scheme, portRedirect, pathRewriteSpecifier: path } = redirect;
  const to = [
    ...(scheme.case === 'schemeRedirect'
      ? [`scheme ${scheme.value}`]
      : scheme.case === 'httpsRedirect' && scheme.value
        ? ['scheme https']
        : []),
    ...(hostRedirect === '' ? [] : [`host ${hostRedirect}`]),
    ...(portRedirect === 0 ? [] : [`port ${portRedirect}`]),
    ...(path.case === 'pathRedirect' || path.case === 'prefixRewrite' ? [`path ${path.value}`] : []),
  ];
  return `${redirectStatus[redirect.responseCode]} to ${listed(to)}`;
}

function faultWords({ typedPerFilterConfig: own }: Route): string {
  const found = typedConfig(HTTPFaultSchema, own['envoy.filters.http.fault']);
  const { delay, abort } = found ?? {};
  const share = (percent: FractionalPercent | undefined): string => percentText(fraction(percent));
  return listed([
    ...(delay?.faultDelaySecifier.case === 'fixedDelay'
      ? [`${timeText(milliseconds(delay.faultDelaySecifier.value) ?? 0)} later for ${share(delay.percentage)}`]
      : []),
    ...(abort?.errorType.case === 'httpStatus' ? [`${abort.errorType.value} for ${share(abort.percentage)}`] : []),
    ...(abort?.errorType.case === 'grpcStatus' ? [`gRPC status ${abort.errorType.value} for ${share(abort.percentage)}`] : []),
  ]);
}

function corsWords({ typedPerFilterConfig: own }: Route): string {
  const policy = typedConfig(CorsPolicySchema, own['envoy.filters.http.cors']);
  return policy === undefined ? '' : `for ${listed(policy.allowOriginStringMatch.map(stringWanted))}`;
}

function headerWords(add: readonly HeaderValueOption[], remove: readonly string[]): string {
  const changes = responseChanges([
    { requestHeadersToAdd: [], requestHeadersToRemove: [], responseHeadersToAdd: [...add], responseHeadersToRemove: [...remove] },
  ]);
  return changes.map(({ change, name, value }) => `${change} ${name}${change === 'remove' ? '' : `: ${value}`}`).join(', ');
}
