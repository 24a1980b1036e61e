// Clusters, their endpoints and the secrets a proxy holds, as rows.

import type { JsonValue } from '@bufbuild/protobuf';
import { parseOutboundCluster, passthroughCluster } from '../../compile/names.ts';
import { at, list, text } from './json.ts';
import { socketText } from './listeners.ts';

export const clusterHead = ['Service', 'Port', 'Subset', 'Direction', 'Type', 'TLS'] as const;

export function clusterRow(cluster: JsonValue): string[] {
  const name = text(cluster, 'name');
  const outbound = parseOutboundCluster(name);
  const inbound = /^inbound\|(\d+)\|/.exec(name);
  const type = outbound && isSubstitute(cluster) ? 'no such service' : typeText(cluster);
  const place = outbound
    ? [outbound.host, String(outbound.port), outbound.subset, 'outbound']
    : inbound
      ? ['', inbound[1] ?? '', '', 'inbound']
      : [name, '', '', ''];
  return [...place, type, tlsText(cluster)];
}

const typeText = (cluster: JsonValue): string => text(cluster, 'type') || text(cluster, 'clusterType', 'name') || 'STATIC';

/** What stands on demand under a name that was called and that nothing has. */
function isSubstitute(cluster: JsonValue): boolean {
  if (typeText(cluster) === 'ORIGINAL_DST') return text(cluster, 'altStatName') === passthroughCluster;
  return typeText(cluster) === 'STATIC' && at(cluster, 'loadAssignment') === undefined;
}

function tlsText(cluster: JsonValue): string {
  const matches = list(cluster, 'transportSocketMatches');
  const sockets = matches.length > 0 ? matches.map((match) => at(match, 'transportSocket')) : [at(cluster, 'transportSocket')];
  const names = sockets.map((socket) => (text(socket, 'name').endsWith('tls') ? 'TLS' : ''));
  if (matches.length > 0 && names.includes('TLS')) return 'mutual, where the peer has it';
  return names[0] ?? '';
}

export const endpointHead = ['Endpoint', 'Health', 'Locality', 'Weight', 'Cluster'] as const;

export function endpointRows(assignment: JsonValue): string[][] {
  return list(assignment, 'endpoints').flatMap((group) =>
    list(group, 'lbEndpoints').map((endpoint) => [
      socketText(at(endpoint, 'endpoint', 'address')),
      text(endpoint, 'healthStatus') || 'HEALTHY',
      ['region', 'zone', 'subZone']
        .map((field) => text(group, 'locality', field))
        .filter(Boolean)
        .join('/'),
      text(endpoint, 'loadBalancingWeight'),
      text(assignment, 'clusterName'),
    ]),
  );
}

export const secretHead = ['Secret', 'Type', 'Valid until', 'Serial'] as const;

/** `describe` reads a certificate in PEM; keys are never looked at. */
export function secretRow(
  secret: JsonValue,
  describe: (pem: string) => { readonly until: string; readonly serial: string },
): string[] {
  const chain = at(secret, 'tlsCertificate', 'certificateChain');
  const roots = at(secret, 'validationContext', 'trustedCa');
  const source = chain ?? roots;
  const encoded = text(source, 'inlineBytes');
  const pem = text(source, 'inlineString') || Buffer.from(encoded, 'base64').toString('utf8');
  const { until, serial } = pem.includes('BEGIN CERTIFICATE') ? describe(pem) : { until: '', serial: '' };
  return [
    text(secret, 'name'),
    chain === undefined ? (roots === undefined ? 'other' : 'trusted roots') : 'certificate',
    until,
    serial,
  ];
}
