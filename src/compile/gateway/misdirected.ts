// Hosts that clients may ask a server's connections for though they are another server's: those whose certificate is the same
// (RFC 9110 §7.4, RFC 9113 §9.1.1).

import { hasTable, serverNames, sharePort, tableOf, terminatesTls, type GatewayServer } from './server.ts';
import { serverSecrets } from './tls.ts';

/** The hosts of the other servers of a port that share a certificate with these, sorted. */
export function misdirectedHosts(servers: readonly GatewayServer[], own: readonly GatewayServer[]): string[] {
  const certificates = new Set(own.flatMap(certificatesOf));
  if (certificates.size === 0) return [];
  const table = own[0] && tableOf(own[0]);
  const others = servers.filter(
    (other) =>
      own.some((each) => sharePort(each, other)) &&
      certificatesOf(other).some((name) => certificates.has(name)) &&
      tableOf(other) !== table,
  );
  return [...new Set(others.flatMap(serverNames))].sort();
}

/** The names of the certificates that a server shows to clients of its route table. */
export function certificatesOf(server: GatewayServer): string[] {
  const { tls } = server.server;
  return tls !== undefined && hasTable(server) && terminatesTls(server) ? serverSecrets(tls).certificates : [];
}
