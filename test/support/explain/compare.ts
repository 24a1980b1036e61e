// What explain said of a request beside what the real proxy did with it: every difference in a sentence.

import { Cluster_DiscoveryType } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type {
  Answered,
  Closed,
  Explanation,
  Forwarded,
  HeaderChange,
  RouteLimits,
  SentRequest,
  Step,
  Target,
} from '../../../src/explain/explanation.ts';
import type { ProxyConfiguration } from '../../../src/explain/configuration.ts';
import { changed } from '../../../src/explain/header-changes.ts';
import type { Request } from '../../../src/explain/request.ts';
import type { Observed } from './real-proxy.ts';
import { statusHeader, type Arrival } from './upstream.ts';
import { targetPorts } from './world.ts';

export type Verdict =
  | { readonly kind: 'agree' }
  /** Explain says that it does not know. */
  | { readonly kind: 'unknown'; readonly because: string }
  | { readonly kind: 'differ'; readonly differences: readonly string[]; readonly explanation: Explanation };

/** Compares with every way that chance may have gone, and tells of the nearest. */
export function compare(
  request: Request,
  observed: Observed,
  explanation: Explanation,
  configuration: ProxyConfiguration,
): Verdict {
  if (explanation.outcome.kind === 'unknown') return { kind: 'unknown', because: explanation.outcome.because };
  const ways = [explanation, ...explanation.otherwise].map((way) => ({
    way,
    differences: differencesOf(request, observed, way, sureCopies(request, way, configuration)),
  }));
  const [nearest] = ways.toSorted((a, b) => a.differences.length - b.differences.length);
  if (nearest === undefined || nearest.differences.length === 0) return { kind: 'agree' };
  return { kind: 'differ', differences: nearest.differences, explanation: nearest.way };
}

const differs = (what: string, did: unknown, said: unknown): string[] =>
  String(did) === String(said) ? [] : [`${what}: Envoy ${JSON.stringify(did)}, explain ${JSON.stringify(said)}`];

function differencesOf(request: Request, observed: Observed, { steps, outcome }: Explanation, sure: number): string[] {
  const path = pathDifferences(observed, steps);
  switch (outcome.kind) {
    case 'unknown':
      return [`explain does not know: ${outcome.because}`];
    case 'answered':
      return [...path, ...answeredDifferences(request, observed, outcome)];
    case 'closed':
      return [...path, ...closedDifferences(observed, outcome)];
    case 'forwarded':
      return [...path, ...forwardedDifferences(request, observed, { outcome, steps, sure })];
  }
}

/** The way through the proxy: listener, chain, virtual host, route. */
function pathDifferences({ record, connection }: Observed, steps: readonly Step[]): string[] {
  const said = (kind: Step['kind']) => steps.findLast((step) => step.kind === kind);
  const listener = record?.listener ?? connection?.listener;
  const [route, host] = [said('route'), said('virtual host')];
  const [origin] = route?.origins ?? [];
  const source = origin === undefined ? '' : `${origin.object}${origin.path === '' ? '' : `#${origin.path}`}`;
  const took = route !== undefined && / takes it/.test(route.text);
  return [
    ...(listener === undefined ? [] : differs('listener', listener, said('listener')?.name ?? '')),
    ...(record === undefined ? [] : differs('filter chain', record.chainName, said('chain')?.name ?? '')),
    // What is refused before has one in the record that nothing was asked of.
    ...(record?.kind === 'http' && host !== undefined ? differs('virtual host', record.virtualHost, host.name) : []),
    ...(record?.kind === 'http' && took ? differs('route', record.route, route.name) : []),
    ...(record?.kind === 'http' && took ? differs('origin of the route', record.routeSource, source) : []),
  ];
}

function answeredDifferences(request: Request, { answer, record, arrivals }: Observed, said: Answered): string[] {
  // Plain words to a caller who speaks TLS: it does not understand them.
  if (answer.kind === 'closed' && request.tls !== undefined && record?.status === said.status) {
    return [...differs('flags', record.flags, said.flags), ...differs('details', record.details, said.because)];
  }
  if (answer.kind !== 'response')
    return [`Envoy gave no answer (${answer.kind === 'closed' ? answer.why : 'bytes'}), explain ${said.status}`];
  const bodiless = request.kind === 'http' && (request.method === 'HEAD' || said.status === 204 || said.status === 304);
  return [
    ...differs('status', answer.status, said.status),
    ...differs('flags', record?.flags ?? '', said.flags),
    ...differs('details', record?.details ?? '', said.because),
    ...(bodiless ? [] : differs('body', answer.body, said.body)),
    ...said.headers.flatMap(([name, value]) =>
      answer.headers.some(([each, given]) => each === name.toLowerCase() && given === value)
        ? []
        : [
            `answer’s header ${name}: Envoy ${JSON.stringify(answer.headers.filter(([each]) => each === name.toLowerCase()))}, explain ${JSON.stringify(value)}`,
          ],
    ),
    ...(arrivals.some((each) => !isMirrored(request, each))
      ? ['the request arrived upstream, explain says that it is answered before']
      : []),
  ];
}

function closedDifferences({ answer, record, connection }: Observed, said: Closed): string[] {
  if (answer.kind !== 'closed')
    return [
      `Envoy answered (${answer.kind === 'response' ? answer.status : 'bytes'}), explain says it is closed: ${said.because}`,
    ];
  const flags = record?.flags || connection?.flags || '';
  return said.flags === '' ? [] : differs('flags', flags, said.flags);
}

interface Sent {
  readonly outcome: Forwarded;
  readonly steps: readonly Step[];
  readonly sure: number;
}

function forwardedDifferences(request: Request, observed: Observed, sent: Sent): string[] {
  const { answer, record } = observed;
  const possible = sent.outcome.targets.filter(({ share }) => share > 0);
  // Without a cluster it went nowhere: to one of those that are not there.
  const went = possible.filter(({ cluster, destination }) =>
    record?.cluster === '' ? destination === undefined : cluster === record?.cluster,
  );
  const [nearest] = went
    .map((target) => targetDifferences(request, observed, sent, target))
    .toSorted((a, b) => a.length - b.length);
  if (nearest !== undefined) return nearest;
  const names = possible.map(({ cluster }) => cluster);
  const how = answer.kind === 'response' ? `${answer.status} ${record?.details ?? ''}` : answer.kind;
  return [`cluster: Envoy ${JSON.stringify(record?.cluster)} (${how}), explain ${JSON.stringify(names)}`];
}

function targetDifferences(request: Request, observed: Observed, { outcome, steps, sure }: Sent, target: Target): string[] {
  const { answer, record, arrivals } = observed;
  if (target.failure !== undefined) {
    return target.failure.kind === 'answered'
      ? answeredDifferences(request, observed, target.failure)
      : closedDifferences(observed, target.failure);
  }
  const main = arrivals.filter((each) => !isMirrored(request, each));
  const [arrival] = main;
  const place = upstreamDifferences(record?.upstream ?? '', target);
  // Nobody listens at what was only dialled.
  if (arrival === undefined && unreachable(record?.upstream ?? '')) return place;
  if (arrival === undefined) {
    const how =
      answer.kind === 'response'
        ? `${answer.status} ${record?.flags} ${record?.details} ${record?.transportFailure}`
        : answer.kind;
    return [...place, `nothing arrived upstream (${how}), explain says that it is sent to ${target.cluster}`];
  }
  return [
    ...place,
    ...tlsDifferences(request, arrival, target, steps),
    ...(target.request === undefined ? [] : requestDifferences(arrival, target.request)),
    ...(answer.kind === 'response' ? responseDifferences(answer.headers, target.request?.responseHeaders ?? []) : []),
    ...(outcome.limits === undefined || request.kind !== 'http' ? [] : limitDifferences(request, main, outcome.limits)),
    ...mirrorDifferences(request, observed, outcome, sure),
  ];
}

/** A copy was sent on by the proxy's own address, whoever called. */
function isMirrored(request: Request, { headers }: Arrival): boolean {
  const given = request.kind === 'http' ? (valueOf(request.headers, 'x-forwarded-for') ?? '') : '';
  const last = valueOf(headers, 'x-forwarded-for')?.split(',').at(-1)?.trim();
  return last !== undefined && last !== request.source.address && last !== given;
}

const valueOf = (headers: Arrival['headers'], name: string): string | undefined =>
  headers.find(([each]) => each.toLowerCase() === name)?.[1];

const unreachable = (upstream: string): boolean =>
  upstream !== '' && !Object.values(targetPorts).includes(Number(upstream.slice(upstream.lastIndexOf(':') + 1)));

function upstreamDifferences(upstream: string, { destination }: Target): string[] {
  if (destination === undefined) return ['explain knows no destination'];
  const { discovery, groups, dialled } = destination;
  if (discovery === 'original destination') return differs('upstream', upstream, dialled ?? '');
  // Names of the outside stand for addresses of this machine.
  if (discovery === 'DNS') return groups.some(({ endpoints }) => endpoints.length > 0) ? [] : ['explain knows no endpoint'];
  const endpoints = groups
    .filter(({ share }) => share > 0)
    .flatMap((group) => group.endpoints.map(({ address, port }) => `${address}:${port}`));
  return endpoints.includes(upstream) ? [] : [`upstream: Envoy ${upstream}, explain ${endpoints.join(' ')}`];
}

function tlsDifferences(request: Request, { tls }: Arrival, { destination }: Target, steps: readonly Step[]): string[] {
  const said = destination?.groups.flatMap(({ endpoints }) => endpoints).map((endpoint) => endpoint.tls) ?? [];
  if (said.length === 0) return [];
  const through = request.tls !== undefined && !steps.some(({ kind }) => kind === 'tls');
  // A connection that was made for a name serves it in other letters too.
  const words = (sni: string, mutual: boolean) => `${mutual ? 'mutual ' : ''}TLS for ${sni.toLowerCase()}`;
  const did = tls === undefined ? 'plain' : words(tls.sni, tls.identity !== '');
  const expected = said.map((each) =>
    each === undefined
      ? through
        ? words(request.tls?.sni ?? '', request.source.identity !== undefined)
        : 'plain'
      : words(each.sni, each.mode === 'mutual'),
  );
  return expected.includes(did) ? [] : [`TLS upstream: Envoy ${did}, explain ${[...new Set(expected)].join(' or ')}`];
}

/** What Envoy adds, and what belongs to a connection or to the test. */
const notCompared =
  /^(?::.*|host|x-case|x-request-id|x-forwarded-(?:for|proto|client-cert|host|port)|x-envoy-.*|content-length|transfer-encoding|connection|upgrade|te|via|date|grpc-timeout|authorization)$/;

function requestDifferences(arrival: Arrival, sent: SentRequest): string[] {
  // Several values of a name may leave as one.
  const lines = (headers: readonly (readonly [string, string])[]) =>
    headers
      .flatMap(([name, value]) =>
        value.split(name.toLowerCase() === 'cookie' ? ';' : ',').map((each) => [name.toLowerCase(), each.trim()] as const),
      )
      .filter(([name, value]) => value !== '' && !notCompared.test(name))
      .map(([name, value]) => `${name}: ${value}`)
      .sort()
      .join('\n');
  return [
    ...differs('method', arrival.method, sent.method),
    ...differs('authority', arrival.authority, sent.authority),
    ...differs('path', arrival.path, sent.path),
    ...differs('headers', lines(arrival.headers), lines(sent.headers)),
  ];
}

/** The server itself gives none of those that are changed. */
function responseDifferences(headers: readonly (readonly [string, string])[], changes: readonly HeaderChange[]): string[] {
  const said = changed([], changes);
  const words = (given: typeof said, of: string) =>
    given
      .filter(([name]) => name === of)
      .flatMap(([, value]) => value.split(','))
      .map((value) => value.trim());
  return [...new Set(changes.map(({ name }) => name.toLowerCase()))].flatMap((name) =>
    differs(`response header ${name}`, words(headers, name).join(), words(said, name).join()),
  );
}

function limitDifferences(
  request: Extract<Request, { kind: 'http' }>,
  main: readonly Arrival[],
  { timeout, retries }: RouteLimits,
): string[] {
  const [arrival] = main;
  const expected = arrival && valueOf(arrival.headers, 'x-envoy-expected-rq-timeout-ms');
  const perTry = retries?.perTryTimeout ?? 0;
  const limit = perTry > 0 && (timeout === 0 || perTry < timeout) ? perTry : timeout;
  const status = Number(valueOf(request.headers, statusHeader) ?? 200);
  const attempts = 1 + (retries !== undefined && isRetried(status, retries) ? retries.attempts : 0);
  return [
    ...differs('timeout (ms)', Number(expected ?? 0), limit),
    ...differs(`attempts after ${status}`, main.length, attempts),
  ];
}

function isRetried(status: number, { on, statusCodes }: NonNullable<RouteLimits['retries']>): boolean {
  return on.split(',').some((each) => {
    switch (each) {
      case '5xx':
        return status >= 500;
      case 'gateway-error':
        return status >= 502 && status <= 504;
      case 'retriable-4xx':
        return status === 409;
      case 'retriable-status-codes':
        return statusCodes.includes(status);
      default:
        return false;
    }
  });
}

/** How many copies of a request have arrived. */
export const copiesOf = (request: Request, { arrivals }: Observed): number =>
  arrivals.filter((each) => isMirrored(request, each)).length;

/** Of how many copies a way says that they are sent for certain; there may be others that chance or an empty cluster decides of. */
export function sureCopies(request: Request, { outcome }: Explanation, configuration: ProxyConfiguration): number {
  // The copy of what goes over to another protocol ends with it, however far it came.
  if (outcome.kind !== 'forwarded' || (request.kind === 'http' && valueOf(request.headers, 'upgrade') !== undefined)) return 0;
  return outcome.mirrors.filter(({ cluster: name, share }) => {
    const cluster = configuration.cluster(name);
    const assignment =
      cluster?.clusterDiscoveryType.value === Cluster_DiscoveryType.EDS ? configuration.endpoints(name) : cluster?.loadAssignment;
    return share >= 1 && (assignment?.endpoints.some(({ lbEndpoints }) => lbEndpoints.length > 0) ?? false);
  }).length;
}

function mirrorDifferences(request: Request, observed: Observed, { mirrors }: Forwarded, sure: number): string[] {
  const copies = copiesOf(request, observed);
  return copies >= sure && copies <= mirrors.length ? [] : [`copies: Envoy sent ${copies}, explain ${sure} to ${mirrors.length}`];
}
