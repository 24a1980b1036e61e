// The Secrets that a gateway's servers name: which are fetched, and which of them nobody has.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { gatewaySecret } from './secret.ts';
import { terminatesTls, type GatewayServer } from './server.ts';
import { serverSecrets } from './tls.ts';

const scheme = 'kubernetes://';

/** The SDS names of what a server takes from Secrets, each with what it must hold. */
function wantedBy({
  server,
}: GatewayServer): { readonly name: string; readonly holds: 'a certificate and key' | 'trust (ca.crt)' }[] {
  if (server.tls === undefined || server.tls.mode === 'ISTIO_MUTUAL') return [];
  const { certificates, trust } = serverSecrets(server.tls);
  const wanted = [
    ...certificates.map((name) => ({ name, holds: 'a certificate and key' as const })),
    ...(trust === undefined ? [] : [{ name: trust, holds: 'trust (ca.crt)' as const }]),
  ];
  return wanted.filter(({ name }) => name.startsWith(scheme));
}

/** Sorted names for SDS. */
export const credentialNames = (servers: readonly GatewayServer[]): string[] =>
  [...new Set(servers.filter(terminatesTls).flatMap((server) => wantedBy(server).map(({ name }) => name)))].sort();

/** A server without its certificate keeps its place and takes connections as soon as the Secret is there. */
export function credentialDiagnostics(proxy: ProxyClass, servers: readonly GatewayServer[]): Diagnostic[] {
  return servers.filter(terminatesTls).flatMap((server) =>
    wantedBy(server)
      .filter(({ name }) => gatewaySecret(proxy, name).value === undefined)
      .map(({ name, holds }) =>
        diagnose(server.object, [...server.path, 'tls'], {
          code: 'IST0101',
          severity: 'error',
          message: `there is no Secret ${secretName(name)} with ${holds} in namespace ${proxy.namespace}, where the gateway runs`,
          help: `create it there: lateen reads tls.crt and tls.key, or cert and key; ca.crt or cacert for trust`,
        }),
      ),
  );
}

const secretName = (name: string): string => name.slice(scheme.length);
