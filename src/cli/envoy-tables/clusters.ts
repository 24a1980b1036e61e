// Clusters as rows: the service and port that each is for, how its servers are found, with which TLS they are called.

import { Cluster_DiscoveryType, type Cluster } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TransportSocket } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { parseOutboundCluster, parseSniName, passthroughCluster, type OutboundClusterName } from '../../compile/names.ts';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { isMutual, transportOf } from '../../explain/upstream-tls.ts';
import { compareText } from '../../lib/order.ts';
import { originText, type Row, type Shown, type Table } from './row.ts';

export const clusters: Table = {
  columns: [
    { name: 'Service' },
    { name: 'Port' },
    { name: 'Subset' },
    { name: 'Direction' },
    { name: 'Type' },
    { name: 'TLS' },
    { name: 'Origin' },
    { name: 'Cluster', wide: true },
  ],
  filters: ['fqdn', 'port', 'subset', 'direction', 'type', 'name'],
  rows: (shown) => clustersOf(shown.configuration).map((cluster) => rowOf(cluster, shown)),
};

/** By service, port and subset; those without come first. */
export const clustersOf = ({ clusterNames, cluster }: ProxyConfiguration): Cluster[] =>
  clusterNames()
    .flatMap((name) => cluster(name) ?? [])
    .map((each) => ({ each, key: keyOf(each.name) }))
    .sort((a, b) => compareText(a.key, b.key))
    .map(({ each }) => each);

function keyOf(name: string): string {
  const parts = placeOf(name);
  return parts === undefined ? `0 ${name}` : `1 ${parts.host} ${String(parts.port).padStart(5, '0')} ${parts.subset}`;
}

/** A sidecar's clusters, or those of a gateway that routes by server name. */
const placeOf = (name: string): OutboundClusterName | undefined => parseOutboundCluster(name) ?? parseSniName(name);

function rowOf(cluster: Cluster, shown: Shown): Row {
  const { name } = cluster;
  const outbound = placeOf(name);
  const [, inbound] = /^inbound\|(\d+)\|/.exec(name) ?? [];
  const type = outbound !== undefined && isSubstitute(cluster) ? 'no such service' : typeText(cluster);
  const [service, port, subset, direction] =
    outbound !== undefined
      ? [outbound.host, String(outbound.port), outbound.subset, 'outbound']
      : inbound !== undefined
        ? ['', inbound, '', 'inbound']
        : [name, '', '', ''];
  return {
    resource: name,
    cells: [service, port, subset, direction, type, tlsText(cluster), originText(cluster.metadata, shown), name],
    facts: { fqdn: [service], port: [port], subset: [subset], direction: [direction], type: [type], name: [name] },
  };
}

const typeText = ({ clusterDiscoveryType: { case: how, value } }: Cluster): string =>
  how === 'clusterType' ? value.name : Cluster_DiscoveryType[value ?? Cluster_DiscoveryType.STATIC];

/** What stands on demand under a name that was called and that nothing has. */
function isSubstitute(cluster: Cluster): boolean {
  if (typeText(cluster) === 'ORIGINAL_DST') return cluster.altStatName === passthroughCluster;
  return typeText(cluster) === 'STATIC' && cluster.loadAssignment === undefined;
}

function tlsText({ transportSocket, transportSocketMatches: matches }: Cluster): string {
  if (matches.length === 0) return socketText(transportSocket);
  const [words, ...others] = new Set(matches.map((match) => socketText(match.transportSocket)));
  if (others.length === 0) return words ?? '';
  return `${words}${others.join('') === '' ? ', where the server has it' : `, or ${others.filter(Boolean).join(', ')}, by server`}`;
}

/** `mTLS`, `TLS for www.example.com`; nothing for plaintext. */
function socketText(socket: TransportSocket | undefined): string {
  const { context, headed } = transportOf(socket);
  const before = headed ? 'PROXY header' : '';
  if (context === undefined) return before;
  const { sni } = context;
  // The name in TLS between workloads is made of the cluster's.
  const tls = `${isMutual(context) ? 'mTLS' : 'TLS'}${sni === '' || parseSniName(sni) !== undefined ? '' : ` for ${sni}`}`;
  return before === '' ? tls : `${before}, then ${tls}`;
}
