// Gateways at random: servers of every protocol, hosts that overlap, certificates from Secrets that are always the same.

import fc from 'fast-check';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeLeaf, writeRoot } from '../../../src/ca/x509.ts';
import { often, oneOf, someOf, upTo } from './arbitrary.ts';
import type { Document } from './world.ts';

export const gatewayPorts = { http: 80, other: 8080, https: 443, tls: 8443, tcp: 9000 } as const;

const hosts = [
  'shop.example',
  'secure.example',
  '*.example',
  '*/shop.example',
  'default/*.example',
  './api.ext.example',
  '*',
  '*',
];

const { http, other, https, tls, tcp } = gatewayPorts;

interface Server {
  readonly port: { readonly number: number; readonly protocol: string };
}

const server = often<Server>(
  [
    4,
    fc
      .tuple(
        oneOf(http, other),
        someOf(hosts, 3),
        often<object>([5, fc.constant({})], [1, fc.constant({ tls: { httpsRedirect: true } })]),
      )
      .map(([number, of, more]) => ({ port: { number, protocol: 'HTTP' }, hosts: of, ...more })),
  ],
  [
    3,
    fc
      .tuple(oneOf<number>(https, tls), someOf(hosts, 2), oneOf('SIMPLE', 'SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'))
      .map(([number, of, mode]) => ({
        port: { number, protocol: 'HTTPS' },
        hosts: of,
        tls: { mode, credentialName: 'site' },
      })),
  ],
  [
    1,
    fc
      .tuple(oneOf<number>(https, tls), someOf(hosts, 2))
      .map(([number, of]) => ({ port: { number, protocol: 'TLS' }, hosts: of, tls: { mode: 'PASSTHROUGH' } })),
  ],
  [
    1,
    fc.tuple(oneOf<number>(https, tls), someOf(hosts, 2)).map(([number, of]) => ({
      port: { number, protocol: 'TLS' },
      hosts: of,
      tls: { mode: 'SIMPLE', credentialName: 'site' },
    })),
  ],
  [1, fc.constant({ port: { number: tcp, protocol: 'TCP' }, hosts: ['*'] })],
);

const validity = { notBefore: new Date('2025-01-01'), notAfter: new Date('2045-01-01') };

/** The site's certificate, and the authority of those who may call where that counts. */
async function siteSecret(): Promise<Document> {
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const root = await writeRoot(signing.privateKey, { organization: 'site', ...validity });
  const signer = { key: signing.privateKey, certificate: new X509Certificate(root) };
  const cert = await writeLeaf(signer, { publicKey: own.publicKey, dnsNames: ['*.example', 'api.ext.example'], ...validity });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'site', namespace: 'edge' },
    stringData: {
      'tls.crt': cert,
      'tls.key': own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'ca.crt': root,
    },
  };
}

/** What every gateway of the world shows; made anew in each process, so it stands in no scene. */
export const secret = await siteSecret();

/** Names of ports are for one server each. */
const gateway = (name: string, servers: readonly Server[]): Document => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name, namespace: 'edge' },
  spec: {
    selector: { istio: 'door' },
    servers: servers.map((server, index) => ({
      ...server,
      port: { ...server.port, name: `${server.port.protocol.toLowerCase()}-${index}` },
    })),
  },
});

export const gateways: fc.Arbitrary<Document[]> = fc
  .tuple(upTo(4, server, 1), often<Server[]>([3, fc.constant([])], [1, upTo(2, server, 1)]))
  .map(([door, second]) => [gateway('door', door), ...(second.length > 0 ? [gateway('second', second)] : [])]);
