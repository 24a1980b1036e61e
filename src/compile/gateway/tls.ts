// A gateway server's TLS: certificates from files or secrets, client certificates, versions and ciphers.

import type { DownstreamTlsContextSchema as Schema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { DownstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import {
  CertificateValidationContext_TrustChainVerification as TrustChainVerification,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { QuicDownstreamTransportSchema } from '../../../gen/envoy/extensions/transport_sockets/quic/v3/quic_transport_pb.js';
import type { ServerTLSSettings } from '../../api/gateway.ts';
import { isCipherSuite, isCurve } from '../../api/shared/tls-checks.ts';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { any, type Init } from '../../filters/any.ts';
import { credentialSecret, credentialTrust } from '../credential-name.ts';
import { meshServerSocket, revocationList, secretConfig, withRevocations, tlsSocket, type FileReader } from '../tls.ts';

type TransportSocket = ReturnType<typeof tlsSocket>;
type Common = NonNullable<Init<typeof Schema>['commonTlsContext']>;

const versions: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** The names of the secrets that a server's settings need, in SDS form. */
export function serverSecrets(tls: ServerTLSSettings): { certificates: string[]; trust: string | undefined } {
  const credentials = tls.credentialNames?.length ? tls.credentialNames : tls.credentialName ? [tls.credentialName] : [];
  const files = tls.tlsCertificates?.length ? tls.tlsCertificates : tls.serverCertificate ? [tls] : [];
  const certificates =
    credentials.length > 0
      ? credentials.map(credentialSecret)
      : files.map((file) => `file-cert:${file.serverCertificate ?? ''}~${file.privateKey ?? ''}`);
  if (!verifiesClients(tls)) return { certificates, trust: undefined };
  // Several certificates have one trust: that of the first.
  const authority = tls.caCertCredentialName || credentials[0];
  const file = tls.caCertificates || files.find(({ caCertificates }) => caCertificates)?.caCertificates;
  return {
    certificates,
    trust: authority !== undefined ? credentialTrust(authority) : file && `file-root:${file}`,
  };
}

const verifiesClients = ({ mode }: ServerTLSSettings): boolean => mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';

export function serverSocket(tls: ServerTLSSettings, config: MeshConfig, files: FileReader): TransportSocket {
  // Who may come is said by the names given here, if any: any workload of the trust bundle else, of whatever trust domain.
  if (tls.mode === 'ISTIO_MUTUAL') return meshServerSocket(config, exactNames(tls));
  return tlsSocket(DownstreamTlsContextSchema, serverContext(tls, config, files, ['h2', 'http/1.1']));
}

/** The same inside QUIC, which has its own versions and ciphers. */
export function quicSocket(tls: ServerTLSSettings, config: MeshConfig, files: FileReader): TransportSocket {
  const { commonTlsContext, ...context } = serverContext(tls, config, files, ['h3']);
  const { tlsParams: _versions, ...common } = commonTlsContext;
  return {
    name: 'envoy.transport_sockets.quic',
    configType: {
      case: 'typedConfig',
      value: any(QuicDownstreamTransportSchema, { downstreamTlsContext: { ...context, commonTlsContext: common } }),
    },
  };
}

function serverContext(tls: ServerTLSSettings, config: MeshConfig, files: FileReader, alpnProtocols: string[]) {
  const { certificates, trust } = serverSecrets(tls);
  const { minProtocolVersion, cipherSuites } = config.tlsDefaults ?? {};
  const ciphers = (tls.cipherSuites?.length ? tls.cipherSuites : (cipherSuites ?? [])).filter(isCipherSuite);
  const curves = (tls.ecdhCurves?.length ? tls.ecdhCurves : (config.tlsDefaults?.ecdhCurves ?? [])).filter(isCurve);
  const common: Common = {
    alpnProtocols,
    tlsCertificateSdsSecretConfigs: certificates.map(secretConfig),
    tlsParams: {
      tlsMinimumProtocolVersion:
        versions[tls.minProtocolVersion ?? ''] ?? versions[minProtocolVersion ?? ''] ?? TlsParameters_TlsProtocol.TLSv1_2,
      tlsMaximumProtocolVersion: versions[tls.maxProtocolVersion ?? ''] ?? TlsParameters_TlsProtocol.TLSv1_3,
      ...(ciphers.length > 0 && { cipherSuites: [...new Set(ciphers)] }),
      ...(curves.length > 0 && { ecdhCurves: [...new Set(curves)] }),
    },
    ...(trust !== undefined && {
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: pins(tls, files),
          validationContextSdsSecretConfig: secretConfig(withRevocations(trust, tls, files)),
        },
      },
    }),
  };
  return { commonTlsContext: common, requireClientCertificate: tls.mode === 'MUTUAL' };
}

/** A client's certificate carries one of the names, as whatever kind of name it has. */
const exactNames = ({ subjectAltNames = [] }: ServerTLSSettings) =>
  subjectAltNames.flatMap((value) =>
    nameKinds.map((sanType) => ({ sanType, matcher: { matchPattern: { case: 'exact' as const, value } } })),
  );

const { URI, DNS, EMAIL, IP_ADDRESS } = SubjectAltNameMatcher_SanType;
const nameKinds = [URI, DNS, EMAIL, IP_ADDRESS];

/** What a client's certificate must be besides trusted. */
function pins(tls: ServerTLSSettings, files: FileReader) {
  return {
    matchTypedSubjectAltNames: exactNames(tls),
    verifyCertificateSpki: tls.verifyCertificateSpki ?? [],
    verifyCertificateHash: tls.verifyCertificateHash ?? [],
    ...revocationList(tls, files),
    // A client shows some certificate; whose it is, the application asks.
    ...(tls.insecureSkipVerify === true && { trustChainVerification: TrustChainVerification.ACCEPT_UNTRUSTED }),
  };
}
