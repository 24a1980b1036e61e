// A cluster that a request or connection is sent to: its servers, and whether it can arrive there at all.

import { destinationOf, upstreamFilters } from './destination.ts';
import type { Answered, Closed, Destination, Endpoint, HttpProtocol, Step, Target } from './explanation.ts';
import type { Headers } from './headers.ts';
import { timeText } from './milliseconds.ts';
import { originsOf } from './origins.ts';
import { clusterMeaning } from './istio-names.ts';
import { listed, note, percentText, type Passage } from './passage.ts';
import { addressText } from './request.ts';

/** What the caller gets when the cluster is not there, and when it has nobody to answer. */
export interface Failures {
  readonly missing: Answered | Closed;
  readonly empty: Answered | Closed;
}

/** Notes the steps of one target. `headers`: as they leave; undefined for connections. */
export function sendTo(
  passage: Passage,
  { cluster: name, share }: Pick<Target, 'cluster' | 'share'>,
  headers: Headers | undefined,
  failures: Failures,
): Pick<Target, 'destination' | 'failure'> {
  const cluster = passage.configuration.cluster(name);
  const part = share < 1 ? `${percentText(share)} of requests go` : 'it goes';
  if (cluster === undefined && passage.asksForClusters && passage.configuration.onlyCalled === true && name !== '') {
    note(passage, {
      kind: 'cluster',
      name,
      text: `${part} to cluster ${name}, which the proxy asks for when it is first called`,
    });
    passage.missing.add(`Cluster ${name} was not called yet: what stands behind it is not in the configuration at hand.`);
    return {};
  }
  if (cluster === undefined && passage.configuration.partial === true && name !== '') {
    const details = meaningOf(name);
    note(passage, {
      kind: 'cluster',
      name,
      text: `${part} to cluster ${name}, which is not in the configuration at hand`,
      details,
      effect: 'unknown',
    });
    passage.missing.add(`Cluster ${name} is not in the configuration at hand: what stands behind it is not known.`);
    return {};
  }
  if (cluster === undefined) {
    const near = nearNames(name, passage.configuration.clusterNames());
    note(passage, {
      kind: 'cluster',
      name,
      text: `${part} to cluster ${name === '' ? '""' : name}, which the proxy does not have`,
      details: [...meaningOf(name), ...near],
      effect: 'ends',
    });
    return { failure: failures.missing };
  }
  const destination = destinationOf(cluster, passage, headers);
  for (const filter of headers === undefined ? [] : upstreamFilters(cluster))
    passage.missing.add(`Cluster ${name} has filter ${filter} on the way to its servers: what it does there is not known.`);
  const origins = originsOf(cluster.metadata, passage.locate);
  note(passage, {
    kind: 'cluster',
    name,
    text: `${part} to cluster ${name}`,
    details: limitWords(destination, headers !== undefined),
    origins,
  });
  const empty = isEmpty(destination, cluster.commonLbConfig?.healthyPanicThreshold?.value === 0);
  const failed = empty && (clusterMeaning(name) ?? empty);
  const step = endpointStep(name, destination, failed);
  const details =
    failed === undefined && headers === undefined ? [...tlsInTls(destination, passage), ...step.details] : step.details;
  note(passage, { ...step, details, origins: [] });
  return { destination, ...(failed !== undefined && { failure: failures.empty }) };
}

const meaningOf = (name: string): string[] => [clusterMeaning(name)].flatMap((each) => each ?? []);

/** Clusters of the same host, which differ in port or subset. */
function nearNames(name: string, known: readonly string[]): string[] {
  const host = name.split('|')[3];
  const same = host === undefined || host === '' ? [] : known.filter((each) => each.endsWith(`|${host}`));
  return same.length === 0 ? [] : [`it has ${listed(same.slice(0, 8))}`];
}

function isEmpty({ groups, discovery }: Destination, panicOff: boolean): string | undefined {
  if (discovery === 'dynamic' || discovery === 'unknown') return undefined;
  const endpoints = groups.flatMap((group) => group.endpoints);
  if (endpoints.length === 0) return 'it has no endpoints';
  return panicOff && endpoints.every(({ healthy }) => !healthy) ? 'none of its endpoints is healthy' : undefined;
}

function endpointStep(
  name: string,
  destination: Destination,
  failed: string | undefined,
): Pick<Step, 'kind' | 'name' | 'text' | 'details' | 'effect'> {
  const { discovery, groups, dialled } = destination;
  const kind = 'endpoints' as const;
  const { chosen = [] } = destination;
  if (failed !== undefined) return { kind, name, text: [failed, ...chosen].join(': '), details: [], effect: 'ends' };
  if (discovery === 'dynamic')
    return { kind, name, text: `${dialled ?? 'its host'} is looked up, and called`, details: [], effect: 'passes' };
  if (discovery === 'unknown')
    return { kind, name, text: 'who its servers are is not known here', details: [], effect: 'unknown' };
  const [first] = groups.flatMap((group) => group.endpoints);
  const tls = transportText(first);
  if (discovery === 'original destination') {
    const details = meaningOf(name);
    return { kind, name, text: `it is sent on to ${dialled ?? 'where it was going'}, ${tls}`, details, effect: 'passes' };
  }
  const all = groups.flatMap((group) => group.endpoints);
  const modes = new Set(all.map(transportText));
  const text = `${all.length === 1 ? 'one endpoint' : `one of ${all.length} endpoints, ${destination.balancing}`}${modes.size === 1 ? `, ${tls}` : ''}`;
  return {
    kind,
    name,
    text,
    details: [...chosen, ...groups.flatMap((group) => groupLines(group, groups.length > 1, modes.size > 1))],
    effect: 'passes',
  };
}

/** Nobody means that: a caller's own TLS, and the proxy's around it, to a server that is not behind a proxy of the mesh. */
function tlsInTls({ groups }: Destination, { request, ended }: Passage): string[] {
  const simple = groups.some(({ endpoints }) => endpoints.some(({ tls }) => tls?.mode === 'simple'));
  return simple && request.tls !== undefined && ended === undefined
    ? ['the caller speaks TLS itself, which goes inside that of the proxy: the server gets TLS in TLS']
    : [];
}

/** At most this many endpoints of a group are named one by one. */
const named = 6;

function groupLines(
  { priority, place, share, endpoints }: Destination['groups'][number],
  several: boolean,
  mixed: boolean,
): string[] {
  const head = several
    ? [
        `priority ${priority}${place === '' ? '' : `, ${place}`}: ${share === 0 ? 'if those before it fail' : `${percentText(share)} of requests`}`,
      ]
    : [];
  const lines = endpoints.slice(0, named).map((each) => {
    const words = [
      addressText(each),
      ...(each.workload === '' ? [] : [`(${each.workload})`]),
      ...(each.healthy ? [] : ['unhealthy']),
      ...(mixed ? [transportText(each)] : []),
    ];
    return words.join(' ');
  });
  return [...head, ...lines, ...(endpoints.length > named ? [`and ${endpoints.length - named} more`] : [])];
}

function transportText(endpoint: Endpoint | undefined): string {
  if (endpoint?.through !== undefined) return `by way of the proxy’s own listener ${endpoint.through}`;
  const tls = endpoint?.tls;
  if (tls === undefined) return 'in plain text';
  return tls.mode === 'mutual'
    ? `over mutual TLS${tls.expects.length === 0 ? '' : `, as ${listed(tls.expects, 'or')}`}`
    : `over TLS${tls.sni === '' ? '' : ` (SNI ${tls.sni})`}`;
}

function protocolWords(protocol: HttpProtocol): string[] {
  switch (protocol) {
    case 'HTTP/2':
      return ['it speaks HTTP/2 to its servers'];
    case 'by ALPN':
      return ['it speaks HTTP/2 to servers that can (ALPN), else HTTP/1.1'];
    default:
      return [];
  }
}

function limitWords({ limits }: Destination, http: boolean): string[] {
  return [
    ...(http ? protocolWords(limits.protocol) : []),
    `connecting may take ${timeText(limits.connectTimeout)}`,
    ...(limits.maxConnections === undefined ? [] : [`at most ${limits.maxConnections} connections`]),
    ...(http && limits.maxPendingRequests !== undefined ? [`at most ${limits.maxPendingRequests} requests waiting`] : []),
    ...(http && limits.maxRequests !== undefined ? [`at most ${limits.maxRequests} requests at once`] : []),
    ...(http && limits.maxRetries !== undefined ? [`at most ${limits.maxRetries} retries at once`] : []),
    ...(limits.outlierDetection === undefined ? [] : [limits.outlierDetection]),
  ];
}
