// What changes about how a cluster reaches its servers: balancing, TLS, limits, health.

import type { JsonValue, Registry } from '@bufbuild/protobuf';
import { ClusterSchema, type Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Resource } from '../../compile/resource.ts';
import type { TransportSocket } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { refText } from '../../api/object.ts';
import type { StepOrigin } from '../explanation.ts';
import { stepOrigin, originsOf, type Locate } from '../origins.ts';
import { listed } from '../passage.ts';
import { parseSniName } from '../../compile/names.ts';
import { isMutual, transportOf } from '../upstream-tls.ts';
import { changedFacts, changedLines, factsOf, type Facts } from './facts.ts';
import { changedFields, isObject, valueText, type FieldChange } from './json-changes.ts';
import { jsonOf, messageOf } from './messages.ts';
import { clusterWords } from './names.ts';
import type { Change } from './plan.ts';
import type { Words } from './requests.ts';

export function destinationChanges(
  name: string,
  before: Resource | undefined,
  after: Resource | undefined,
  words: Words,
): Change[] {
  const [was, is] = [before, after].map((resource) => resource && messageOf(ClusterSchema, resource));
  const subject = clusterWords(name);
  if (was === undefined || is === undefined) {
    const [change, cluster, locate] =
      was === undefined ? (['added', is, words.after] as const) : (['removed', was, words.before] as const);
    const sign = change === 'added' ? '+' : '-';
    return [
      { part: 'destination', subject, change, lines: [{ sign, text: subject, origins: originsOf(cluster?.metadata, locate) }] },
    ];
  }
  const tls = changedFacts(tlsFacts(was), tlsFacts(is));
  const [old, now] = [was, is].map((cluster) => settingsOf(cluster, words.registry, tls.length > 0));
  const texts = [...tls, ...changedFields(old, now).map(settingText)];
  if (texts.length === 0) return [];
  const origins = [...changedCauses(before, after, words.after), ...originsOf(is.metadata, words.after)];
  return [{ part: 'destination', subject, change: 'changed', lines: changedLines('', texts, origins) }];
}

/** Objects that had no part in the resource before, or have none any more. */
function changedCauses(before: Resource | undefined, after: Resource | undefined, locate: Locate): StepOrigin[] {
  const [was, is] = [before, after].map((resource) => new Set(resource?.causes.map(({ object }) => refText(object))));
  const other = [...(was ?? []), ...(is ?? [])].filter((object) => was?.has(object) !== is?.has(object));
  return other.map((object) => stepOrigin(object, '', locate));
}

/** What people ask about a cluster's transports; all of them count where these words are the same. */
function tlsFacts({ transportSocket, transportSocketMatches }: Cluster): Facts {
  const byServer = transportSocketMatches.map(({ match = {}, transportSocket: socket }) => {
    const wishes = Object.entries(match).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
    return `${socketWords(socket)} ${wishes.length === 0 ? 'to others' : `to servers with ${listed(wishes)}`}`;
  });
  return factsOf([['TLS', byServer.length === 0 ? socketWords(transportSocket) : byServer.join(', ')]]);
}

function socketWords(socket: TransportSocket | undefined): string {
  const { headed, context } = transportOf(socket);
  const before = headed ? 'a PROXY header, then ' : '';
  if (context === undefined) return `${before}plaintext`;
  const { sni } = context;
  return `${before}${isMutual(context) ? 'mutual' : 'simple'}${sni === '' || parseSniName(sni) !== undefined ? '' : ` for ${sni}`}`;
}

function settingsOf(cluster: Cluster, registry: Registry, withoutTls: boolean): JsonValue {
  const json = jsonOf(ClusterSchema, cluster, registry);
  if (!isObject(json)) return json;
  const { metadata: _origin, transportSocket, transportSocketMatches, ...settings } = json;
  return withoutTls
    ? settings
    : { ...settings, transportSocket: transportSocket ?? null, transportSocketMatches: transportSocketMatches ?? [] };
}

/** The beginnings of paths that have names of their own. */
const labels: readonly (readonly [RegExp, string])[] = [
  [/^connectTimeout$/, 'connect timeout'],
  [/^lbPolicy$/, 'balancing'],
  [/^circuitBreakers\.thresholds\[\d+\]\./, 'limit '],
  [/^outlierDetection\.?/, 'outlier detection '],
  [/^transportSocketMatches\[[^\]]*\]\.?/, 'TLS between workloads '],
  [/^transportSocket\.?/, 'TLS '],
  [/^loadAssignment\.endpoints/, 'endpoints'],
  [/^upstreamConnectionOptions\.tcpKeepalive\.?/, 'TCP keepalive '],
  [/^typedExtensionProtocolOptions\.envoy\.extensions\.upstreams\.http\.v3\.HttpProtocolOptions\.?/, 'HTTP '],
];

function settingText({ path, before, after }: FieldChange): string {
  const found = labels.find(([beginning]) => beginning.test(path));
  const label = found === undefined ? path : path.replace(found[0], found[1]).replaceAll('typedConfig.', '').trim();
  return `${label} ${valueText(before)} → ${valueText(after)}`;
}
