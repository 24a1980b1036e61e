// A connection whose bytes are passed on as they are.

import { TcpProxySchema, type TcpProxy } from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Closed, Outcome } from '../explanation.ts';
import { formatted } from '../format.ts';
import { milliseconds, timeText } from '../milliseconds.ts';
import { clusterMeaning } from '../istio-names.ts';
import { note, type Passage } from '../passage.ts';
import { endpointsWanted } from '../subset.ts';
import { sendTo } from '../target.ts';
import { typedConfig } from '../typed-config.ts';

const closed = (flags: string, because: string): Closed => ({ kind: 'closed', flags, because });

export function proxyBytes(config: Any, passage: Passage): Outcome {
  const proxy = typedConfig(TcpProxySchema, config);
  if (proxy === undefined) return { kind: 'unknown', because: 'the TCP proxy’s configuration cannot be read' };
  const details = [
    ...(proxy.tunnelingConfig === undefined
      ? []
      : [
          `through a tunnel to ${formatted(proxy.tunnelingConfig.hostname, passage, undefined)}, asked for by ${proxy.tunnelingConfig.usePost ? 'POST' : 'CONNECT'}`,
        ]),
    ...idle(proxy),
  ];
  if (proxy.onDemand?.odcdsConfig !== undefined) passage.asksForClusters = true;
  const chosen = choices(proxy, passage);
  note(passage, { kind: 'filter', name: 'envoy.filters.network.tcp_proxy', text: passedText(passage, chosen), details });
  const failures = { missing: closed('NC', 'cluster_not_found'), empty: closed('UH', 'no_healthy_upstream') };
  const own = { ...passage, wanted: endpointsWanted(proxy.metadataMatch) };
  const targets = chosen.map((choice) => ({ ...choice, ...sendTo(own, choice, undefined, failures) }));
  return { kind: 'forwarded', targets, mirrors: [] };
}

/** Who asks by HTTP wants to know that nobody sees it. */
function passedText({ transport, ended, request }: Passage, chosen: readonly { readonly cluster: string }[]): string {
  if (transport === 'tls' && ended === undefined) return 'its TLS is passed on unopened';
  const declared = chosen.some(({ cluster }) => clusterMeaning(cluster) === undefined && !cluster.startsWith('inbound|'));
  const unseen = request.kind === 'http' && request.tls === undefined && declared;
  return unseen ? 'its bytes are passed on: the port is taken for TCP, so no HTTP rule counts here' : 'its bytes are passed on';
}

/** A filter before it may have named the cluster. */
function choices(
  { clusterSpecifier: specifier }: TcpProxy,
  { state }: Passage,
): { readonly cluster: string; readonly share: number }[] {
  const named = state.get('envoy.tcp_proxy.cluster');
  if (named !== undefined) return [{ cluster: named, share: 1 }];
  if (specifier.case === 'cluster') return [{ cluster: specifier.value, share: 1 }];
  const clusters = specifier.case === 'weightedClusters' ? specifier.value.clusters : [];
  const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
  return clusters
    .filter(({ weight }) => weight > 0)
    .map(({ name, weight }) => ({ cluster: name, share: weight / total }))
    .toSorted((a, b) => b.share - a.share);
}

function idle({ idleTimeout }: TcpProxy): string[] {
  const time = milliseconds(idleTimeout);
  return time === undefined
    ? []
    : [time === 0 ? 'it may be idle as long as it likes' : `it ends after ${timeText(time)} without a byte`];
}
