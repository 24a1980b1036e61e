// A route's action: how a request leaves for each of its clusters, and within which limits.

import {
  RouteAction_ClusterNotFoundResponseCode,
  type Route,
  type RouteAction,
  type WeightedCluster_ClusterWeight,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Outcome, RouteLimits, SentRequest, Target } from '../explanation.ts';
import { changed, changeRequest, differences, responseChanges, type HeaderLists } from '../header-changes.ts';
import { authorityOf, fullPathOf, methodOf, type Headers } from '../headers.ts';
import { milliseconds, timeText } from '../milliseconds.ts';
import { note, percentText, timesText, type Passage } from '../passage.ts';
import { rewriteRequest } from '../rewrite.ts';
import { sendTo, type Failures } from '../target.ts';
import { actionWords } from './action-words.ts';
import { clusterChoices, mirrorsOf, type ClusterChoice } from './clusters.ts';
import { endpointsWanted } from '../subset.ts';
import { ConfigSchema } from '../../../gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { typedConfig } from '../typed-config.ts';
import { answer, switched, unwrapped, type Exchange } from './exchange.ts';
import { filterState } from './filter-state.ts';
import { responseMutations } from './header-mutation.ts';

export function send(exchange: Exchange, route: Route, action: RouteAction): Outcome {
  const { passage, headers } = exchange;
  const choices = clusterChoices(action, headers);
  if (typeof choices === 'string') {
    note(passage, { kind: 'cluster', name: '', text: choices, effect: 'unknown' }, route.metadata);
    return { kind: 'unknown', because: choices };
  }
  const limits = limitsOf(action, exchange);
  noteLimits(limits, actionWords(action), passage);
  const mirrors = mirrorsOf(action, headers);
  const targets = choices.map((choice) => targetOf(choice, { exchange, route, action, alone: choices.length === 1 }));
  for (const { cluster, share } of mirrors) {
    const part = share >= 1 ? 'a copy' : `a copy of ${percentText(share)} of requests`;
    note(passage, { kind: 'cluster', name: cluster, text: `${part} goes to ${cluster}; its answer is dropped` }, route.metadata);
  }
  return { kind: 'forwarded', targets, mirrors, limits };
}

interface Sending {
  readonly exchange: Exchange;
  readonly route: Route;
  readonly action: RouteAction;
  readonly alone: boolean;
}

function targetOf({ cluster, share, weighted }: ClusterChoice, { exchange, route, action, alone }: Sending): Target {
  const { passage, headers, host, table } = exchange;
  const leaving: Headers = new Map(headers);
  if (headers.doubt !== undefined) leaving.doubt = headers.doubt;
  const scopes: HeaderLists[] = [weighted, route, host, table].filter((each) => each !== undefined);
  // Where wider scopes come first, narrower ones have the last word.
  const ordered = table?.mostSpecificHeaderMutationsWins === true ? scopes.toReversed() : scopes;
  const toResponse = (sent: Headers) => [
    ...responseChanges(ordered, { headers: sent, passage }),
    ...responseMutations(exchange, sent),
  ];
  changeRequest(leaving, ordered, passage);
  const path = fullPathOf(leaving);
  rewriteRequest(route, action, weighted, leaving);
  if (exchange.tells && fullPathOf(leaving) !== path) leaving.set('x-envoy-original-path', [path]);
  const request: SentRequest = {
    method: methodOf(leaving),
    authority: authorityOf(leaving),
    path: fullPathOf(leaving),
    headers: [...leaving].flatMap(([name, values]) =>
      name.startsWith(':') || name === 'x-forwarded-proto' ? [] : values.map((value) => [name, value] as const),
    ),
    responseHeaders: toResponse(leaving),
  };
  noteChanges(passage, headers, leaving, request, { route, cluster: alone ? undefined : cluster });
  const wanted = { ...endpointsWanted(action.metadataMatch), ...endpointsWanted(weighted?.metadataMatch) };
  const own = { ...passage, state: stateOf(exchange, weighted), wanted };
  const sent = sendTo(own, { cluster, share }, leaving, failures(action));
  if (sent.failure?.kind !== 'answered') return { cluster, share, request, ...sent };
  // The answer that it fails with is a response as well, to a request that nothing has changed yet.
  const failure = { ...sent.failure, headers: changed(sent.failure.headers, toResponse(headers)) };
  return { cluster, share, request, ...sent, failure };
}

/** What the filters note for this cluster in particular. */
function stateOf(exchange: Exchange, weighted: WeightedCluster_ClusterWeight | undefined): Map<string, string> {
  const state = new Map(exchange.passage.state);
  const said: Readonly<Record<string, Any>> = weighted?.typedPerFilterConfig ?? {};
  for (const [name, own] of Object.entries(said)) {
    // Only announcements differ by cluster.
    if (typedConfig(ConfigSchema, unwrapped(own)) === undefined && switched(own) !== false)
      exchange.passage.missing.add(
        `Cluster ${weighted?.name} has something of its own to say to filter ${name}, which is not taken into account.`,
      );
    if (switched(own) === false) state.delete('envoy.network.application_protocols');
    else filterState({ exchange: { ...exchange, passage: { ...exchange.passage, state } }, name, config: undefined, own });
  }
  return state;
}

const failures = (action: RouteAction): Failures => ({
  missing:
    action.clusterNotFoundResponseCode === RouteAction_ClusterNotFoundResponseCode.NOT_FOUND
      ? answer(404, 'NC', 'cluster_not_found')
      : answer(
          action.clusterNotFoundResponseCode === RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR ? 500 : 503,
          'NC',
          'cluster_not_found',
        ),
  empty: answer(503, 'UH', 'no_healthy_upstream', { body: 'no healthy upstream' }),
});

interface ChangeOf {
  readonly route: Route;
  /** Named where there are several. */
  readonly cluster: string | undefined;
}

function noteChanges(
  passage: Passage,
  before: Headers,
  after: Headers,
  request: SentRequest,
  { route, cluster }: ChangeOf,
): void {
  const details = [
    ...(authorityOf(before) === request.authority ? [] : [`host ${authorityOf(before)} becomes ${request.authority}`]),
    ...(fullPathOf(before) === request.path ? [] : [`path ${fullPathOf(before)} becomes ${request.path}`]),
    ...differences(before, after).filter((line) => !line.startsWith('header x-envoy-original-path')),
    ...[...passage.removed].map((name) => `header ${name} is removed`),
  ];
  const where = cluster === undefined ? '' : ` for ${cluster}`;
  if (details.length > 0)
    note(
      passage,
      { kind: 'request', name: '', text: `the request is changed before it leaves${where}`, details },
      route.metadata,
    );
  const changes = request.responseHeaders.map(({ change, name, value }) =>
    change === 'remove' ? `header ${name} is removed` : `${change} header ${name}: ${value}`,
  );
  if (changes.length > 0)
    note(passage, { kind: 'response', name: '', text: `the response is changed${where}`, details: changes }, route.metadata);
}

/** Envoy's own limit where a route gives none. */
const routeTimeout = 15_000;

function limitsOf(action: RouteAction, { host }: Exchange): RouteLimits {
  const policy = action.retryPolicy ?? host?.retryPolicy;
  return {
    // The newer way to limit a stream, also one that sets no limit, takes the older's place.
    timeout: action.maxStreamDuration === undefined ? (milliseconds(action.timeout) ?? routeTimeout) : 0,
    idleTimeout: milliseconds(action.idleTimeout),
    maxStreamDuration: milliseconds(action.maxStreamDuration?.maxStreamDuration) || undefined,
    retries:
      policy === undefined || policy.retryOn === ''
        ? undefined
        : {
            attempts: policy.numRetries ?? 1,
            on: policy.retryOn,
            statusCodes: policy.retriableStatusCodes,
            perTryTimeout: milliseconds(policy.perTryTimeout) ?? 0,
          },
  };
}

function noteLimits({ timeout, maxStreamDuration = 0, retries }: RouteLimits, more: readonly string[], passage: Passage): void {
  const limit = timeout === 0 ? maxStreamDuration : timeout;
  const details = [
    ...(retries === undefined
      ? ['it is not tried again']
      : [
          `tried again ${timesText(retries.attempts)}, on ${retries.on.replaceAll(',', ', ')}${retries.statusCodes.length === 0 ? '' : ` (${retries.statusCodes.join(', ')})`}`,
        ]),
    ...(retries === undefined || retries.perTryTimeout === 0 ? [] : [`each attempt may take ${timeText(retries.perTryTimeout)}`]),
    ...more,
  ];
  note(passage, {
    kind: 'http',
    name: 'router',
    text: limit === 0 ? 'there is no time limit' : `all of it may take ${timeText(limit)}`,
    details,
    origins: [],
  });
}
