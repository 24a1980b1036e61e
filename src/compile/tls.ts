// TLS contexts: mutual TLS between workloads, TLS that a policy asks for, and where their secrets come from.

import { create, toBinary } from '@bufbuild/protobuf';
import type { ConfigSourceSchema } from '../../gen/envoy/config/core/v3/config_source_pb.js';
import { ApiConfigSource_ApiType, ApiVersion } from '../../gen/envoy/config/core/v3/config_source_pb.js';
import type { TransportSocketSchema } from '../../gen/envoy/config/core/v3/base_pb.js';
import { SubjectAltNameMatcher_SanType } from '../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CertificateValidationContextSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import type { CommonTlsContextSchema } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { TlsParameters_TlsProtocol } from '../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { RawBufferSchema } from '../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js';
import type { ClientTLSSettings } from '../api/shared/tls-settings.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import { any, anyOf, type Init } from '../filters/any.ts';
import { duration } from '../filters/duration.ts';
import { credentialSecret, credentialTrust, isCredential } from './credential-name.ts';

type CommonTlsContext = Init<typeof CommonTlsContextSchema>;
type TransportSocket = Init<typeof TransportSocketSchema>;
type ConfigSource = Init<typeof ConfigSourceSchema>;
type SecretConfig = { name: string; sdsConfig: ConfigSource };

const ads: ConfigSource = {
  configSourceSpecifier: { case: 'ads', value: {} },
  initialFetchTimeout: duration(0),
  resourceApiVersion: ApiVersion.V3,
};

/** Workload secrets come from the node agent's own SDS stream, never from the control plane (envoy-tried.md §7.5, TRAP F). */
const agent: ConfigSource = {
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'sds-grpc' } } }],
    },
  },
  initialFetchTimeout: duration(0),
  resourceApiVersion: ApiVersion.V3,
};

/** Resources that ride on the proxy's ADS stream. */
export const adsSource = ads;

/**
 * A Secret or file that somebody names may not be there: after Envoy's usual wait what needs it goes on without, or one missing
 * certificate would keep a whole gateway from starting.
 */
const patient = ({ configSourceSpecifier, resourceApiVersion }: ConfigSource): ConfigSource => ({
  ...(configSourceSpecifier && { configSourceSpecifier }),
  ...(resourceApiVersion !== undefined && { resourceApiVersion }),
});

/** `default` and `ROOTCA` are the workload's own; files and Kubernetes secrets are named by their scheme. */
export function secretConfig(name: string): SecretConfig {
  if (name === 'default' || name === 'ROOTCA') return { name, sdsConfig: agent };
  return { name, sdsConfig: patient(isCredential(name) ? ads : agent) };
}

/** Envoy's own client default stops at TLS 1.2, so both ends are always said (envoy-tried.md §5). */
const tlsParams = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

/** The cipher suites of mutual TLS below TLS 1.3. */
const meshCiphers = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
];

const uriSan = (matcher: { case: 'exact' | 'prefix'; value: string }) => ({
  sanType: SubjectAltNameMatcher_SanType.URI,
  matcher: { matchPattern: matcher },
});

const downstreamMeshMinimum = (config: MeshConfig) =>
  config.meshMTLS?.minProtocolVersion === 'TLSV1_3' ? TlsParameters_TlsProtocol.TLSv1_3 : TlsParameters_TlsProtocol.TLSv1_2;

type NameMatcher = NonNullable<Init<typeof CertificateValidationContextSchema>['matchTypedSubjectAltNames']>[number];

const serverSockets = new WeakMap<MeshConfig, TransportSocket>();

/** A server's side of mutual TLS: any workload of the trust domains, by certificate; `names` say otherwise who. */
export function meshServerSocket(config: MeshConfig, names?: readonly NameMatcher[]): TransportSocket {
  if (names !== undefined) return serverSocketFor(config, names);
  // Two chains of every listener have it.
  let socket = serverSockets.get(config);
  if (socket === undefined) serverSockets.set(config, (socket = serverSocketFor(config, workloadNames(config))));
  return socket;
}

function serverSocketFor(config: MeshConfig, names: readonly NameMatcher[]): TransportSocket {
  return tlsSocket(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: downstreamMeshMinimum(config),
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        cipherSuites: config.meshMTLS?.cipherSuites?.length ? config.meshMTLS.cipherSuites : meshCiphers,
      },
      // Never Istio's own names here: the codec follows what the server selects (envoy-tried.md §5, TRAP C).
      alpnProtocols: ['h2', 'http/1.1'],
      tlsCertificateSdsSecretConfigs: [secretConfig('default')],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: { matchTypedSubjectAltNames: [...names] },
          validationContextSdsSecretConfig: secretConfig('ROOTCA'),
        },
      },
    },
  });
}

const workloadNames = ({ trustDomain, trustDomainAliases }: MeshConfig): NameMatcher[] =>
  [trustDomain, ...trustDomainAliases].map((domain) => uriSan({ case: 'prefix', value: `spiffe://${domain}/` }));

export interface MeshClient {
  readonly sni: string;
  /** URIs that the server's certificate must carry one of; empty: any of the trust bundle. */
  readonly subjectAltNames: readonly string[];
  readonly http2: boolean;
}

/** A caller's side of mutual TLS. `istio` among the offered protocols tells the server which of its chains is meant. */
export function meshClientSocket({ sni, subjectAltNames, http2 }: MeshClient): TransportSocket {
  const own = toBinary(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, { sni }));
  const value = anyOf(UpstreamTlsContextSchema, meshClientContext(subjectAltNames, http2), own);
  return { name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value } };
}

let lastContext: { readonly text: string; readonly bytes: Uint8Array } | undefined;

/**
 * All of it but the server name, which comes after it in the message's order. Encoded anew only for other names than the last: a
 * service's ports and subsets have one context, and so have all services of which no server is known.
 */
function meshClientContext(subjectAltNames: readonly string[], http2: boolean): Uint8Array {
  const text = [http2, ...subjectAltNames].join('\n');
  if (lastContext?.text !== text) lastContext = { text, bytes: encodedMeshClientContext(subjectAltNames, http2) };
  return lastContext.bytes;
}

function encodedMeshClientContext(subjectAltNames: readonly string[], http2: boolean): Uint8Array {
  const context = create(UpstreamTlsContextSchema, {
    commonTlsContext: {
      tlsParams,
      alpnProtocols: http2 ? ['istio', 'h2'] : ['istio'],
      tlsCertificateSdsSecretConfigs: [secretConfig('default')],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: subjectAltNames.map((value) => uriSan({ case: 'exact', value })),
          },
          validationContextSdsSecretConfig: secretConfig('ROOTCA'),
        },
      },
    },
  });
  return toBinary(UpstreamTlsContextSchema, context);
}

/** Node metadata in which a proxy says that its agent reads every file of its workload for it, lists of revoked certificates too. */
export const filesKey = 'LATEEN_FILES';

/** Who reads the files that a workload's TLS names. Istio's agents read all but lists of revoked certificates: these the proxy reads. */
export type FileReader = 'agent' | 'proxy';

/** A caller's own TLS, as a policy asks for it (SIMPLE and MUTUAL). */
export function originationSocket(
  tls: ClientTLSSettings,
  { http2, files }: { readonly http2: boolean; readonly files: FileReader },
): TransportSocket {
  const certificate = clientCertificate(tls);
  const common: CommonTlsContext = {
    tlsParams,
    ...(http2 && { alpnProtocols: ['h2'] }),
    ...(certificate !== undefined && { tlsCertificateSdsSecretConfigs: [secretConfig(certificate)] }),
    ...(tls.insecureSkipVerify !== true && { validationContextType: originationTrust(tls, files) }),
  };
  return tlsSocket(UpstreamTlsContextSchema, { commonTlsContext: common, sni: tls.sni ?? '' });
}

/** The SDS names that a policy takes from Kubernetes secrets. */
export function originationSecrets(tls: ClientTLSSettings): string[] {
  if (!tls.credentialName || (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL')) return [];
  const certificate = clientCertificate(tls);
  const names = [
    ...(certificate === undefined ? [] : [certificate]),
    ...(tls.insecureSkipVerify === true ? [] : [trustName(tls)]),
  ];
  return names.filter(isCredential);
}

const trustName = (tls: ClientTLSSettings): string =>
  tls.credentialName ? credentialTrust(tls.credentialName) : `file-root:${tls.caCertificates || 'system'}`;

type RevokedCertificates = Pick<ClientTLSSettings, 'caCrl'>;

/** The SDS name of trust, with the list of what it takes back where the agent reads that too. Of a credential it is part of its Secret. */
export const withRevocations = (trust: string, { caCrl }: RevokedCertificates, files: FileReader): string =>
  caCrl && files === 'agent' && !isCredential(trust) ? `${trust}~${caCrl}` : trust;

function clientCertificate(tls: ClientTLSSettings): string | undefined {
  if (tls.mode !== 'MUTUAL') return undefined;
  if (tls.credentialName) return credentialSecret(tls.credentialName);
  return `file-cert:${tls.clientCertificate ?? ''}~${tls.privateKey ?? ''}`;
}

function originationTrust(tls: ClientTLSSettings, files: FileReader): NonNullable<CommonTlsContext['validationContextType']> {
  return {
    case: 'combinedValidationContext',
    value: {
      defaultValidationContext: {
        matchTypedSubjectAltNames: (tls.subjectAltNames ?? []).flatMap((value: string) =>
          [SubjectAltNameMatcher_SanType.URI, SubjectAltNameMatcher_SanType.DNS].map((sanType) => ({
            sanType,
            matcher: { matchPattern: { case: 'exact' as const, value } },
          })),
        ),
        ...revocationList(tls, files),
      },
      validationContextSdsSecretConfig: secretConfig(withRevocations(trustName(tls), tls, files)),
    },
  };
}

/** Certificates that are no longer good, in a file that the proxy reads itself. */
export const revocationList = ({ caCrl }: RevokedCertificates, files: FileReader) =>
  caCrl && files === 'proxy' ? { crl: { specifier: { case: 'filename' as const, value: caCrl } } } : {};

export const rawBufferSocket: TransportSocket = {
  name: 'envoy.transport_sockets.raw_buffer',
  configType: { case: 'typedConfig', value: any(RawBufferSchema, {}) },
};

/** Any TLS context as a transport socket. */
export function tlsSocket<Desc extends typeof DownstreamTlsContextSchema | typeof UpstreamTlsContextSchema>(
  schema: Desc,
  init: Init<Desc>,
): TransportSocket {
  return { name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value: any(schema, init) } };
}
