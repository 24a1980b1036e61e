// A proxy's settings: MeshConfig's `defaultConfig` and the annotation `proxy.istio.io/config`.

import type { Static } from 'typebox';
import { warning } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { bool, choice, count, duration, freeForm, int32, integer, list, map, message, number, text, textMap } from '../schema.ts';
import { TcpKeepalive } from './connection-pool.ts';
import { ClientTLSSettings } from './tls-settings.ts';

const Sink = message({}, { address: text, tlsSettings: ClientTLSSettings, tcpKeepalive: TcpKeepalive });
const addressed = message({}, { address: text });

const defaultedTag = message({}, { name: text, defaultValue: text });
export const CustomTag = message(
  {},
  {
    literal: message({}, { value: text }),
    environment: defaultedTag,
    header: defaultedTag,
    formatter: message({}, { value: text }),
  },
);

const Tracing = message(
  {},
  {
    zipkin: addressed,
    lightstep: message({}, { address: text, accessToken: text }),
    datadog: addressed,
    stackdriver: freeForm,
    openCensusAgent: freeForm,
    customTags: map(CustomTag),
    maxPathTagLength: count,
    sampling: number(0, 100),
    tlsSettings: ClientTLSSettings,
    enableIstioTags: bool,
  },
);

const clientCertDetails = choice(
  'UNDEFINED',
  'SANITIZE',
  'FORWARD_ONLY',
  'APPEND_FORWARD',
  'SANITIZE_SET',
  'ALWAYS_FORWARD_ONLY',
);

export const GatewayTopology = message(
  {},
  {
    numTrustedProxies: count,
    forwardClientCertDetails: clientCertDetails,
    proxyProtocol: freeForm,
  },
);

const disabled = message({}, { disabled: bool });
const enabled = message({}, { enabled: bool });

/** Which headers a proxy writes, and what of its client it says. */
const ProxyHeaders = message(
  {},
  {
    forwardedClientCert: clientCertDetails,
    setCurrentClientCertDetails: message({}, { subject: bool, cert: bool, chain: bool, dns: bool, uri: bool }),
    requestId: disabled,
    server: message({}, { disabled: bool, value: text }),
    attemptCount: disabled,
    envoyDebugHeaders: disabled,
    metadataExchangeHeaders: message({}, { mode: choice('UNDEFINED', 'IN_MESH') }),
    preserveHttp1HeaderCase: bool,
    xForwardedHost: enabled,
    xForwardedPort: enabled,
  },
);
export type ProxyHeaders = Static<typeof ProxyHeaders>;

/** Limits of a proxy's connections, and how strictly it reads requests. */
const ConnectionSettings = message(
  {},
  {
    profile: choice('UNSPECIFIED', 'SIDECAR', 'EDGE'),
    listenerPerConnectionBufferLimitBytes: int32,
    clusterPerConnectionBufferLimitBytes: int32,
    httpIdleTimeout: duration,
    httpMaxConnectionDuration: duration,
    httpDrainTimeout: duration,
    httpRequestTimeout: duration,
    httpRequestHeadersTimeout: duration,
    httpStreamIdleTimeout: duration,
    httpMaxStreamDuration: duration,
    httpMaxConcurrentStreams: int32,
    http2InitialStreamWindowSize: int32,
    http2InitialConnectionWindowSize: int32,
    httpHeadersWithUnderscoresAction: choice(
      'HEADERS_WITH_UNDERSCORES_UNSPECIFIED',
      'HEADERS_WITH_UNDERSCORES_ALLOW',
      'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST',
      'HEADERS_WITH_UNDERSCORES_DROP_HEADER',
    ),
    httpMergeSlashes: bool,
    httpPathWithEscapedSlashesAction: choice(
      'PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED',
      'KEEP_UNCHANGED',
      'REJECT_REQUEST',
      'UNESCAPE_AND_REDIRECT',
      'UNESCAPE_AND_FORWARD',
    ),
    listenerConnectionLimit: int32,
    globalDownstreamConnectionLimit: int32,
  },
);
export type ConnectionSettings = Static<typeof ConnectionSettings>;

const port = integer(0, 65_535);

export const ProxySettings = message(
  {},
  {
    configPath: text,
    binaryPath: text,
    customConfigFile: text,
    proxyBootstrapTemplatePath: text,
    serviceCluster: text,
    tracingServiceName: choice('APP_LABEL_AND_NAMESPACE', 'CANONICAL_NAME_ONLY', 'CANONICAL_NAME_AND_NAMESPACE'),
    drainDuration: duration,
    terminationDrainDuration: duration,
    discoveryAddress: text,
    discoveryRefreshDelay: duration,
    zipkinAddress: text,
    availabilityZone: text,
    statsdUdpAddress: text,
    envoyMetricsServiceAddress: text,
    envoyAccessLogService: Sink,
    envoyMetricsService: Sink,
    proxyAdminPort: port,
    statusPort: port,
    statNameLength: count,
    controlPlaneAuthPolicy: choice('NONE', 'MUTUAL_TLS'),
    concurrency: count,
    interceptionMode: choice('REDIRECT', 'TPROXY', 'NONE'),
    tracing: Tracing,
    sds: freeForm,
    proxyMetadata: textMap,
    runtimeValues: textMap,
    extraStatTags: list(text),
    proxyStatsMatcher: message(
      {},
      { inclusionPrefixes: list(text), inclusionSuffixes: list(text), inclusionRegexps: list(text) },
    ),
    statsCompression: bool,
    gatewayTopology: GatewayTopology,
    meshId: text,
    readinessProbe: freeForm,
    proxyHeaders: ProxyHeaders,
    connectionSettings: ConnectionSettings,
    privateKeyProvider: freeForm,
    fileFlushInterval: duration,
    fileFlushMinSizeKb: count,
    caCertificatesPem: list(text),
    holdApplicationUntilProxyStarts: bool,
    image: message({}, { imageType: text }),
  },
);
export type ProxySettings = Static<typeof ProxySettings>;

/** What of an interception mode is not in effect. */
export const checkInterception = (mode: string | undefined, path: Path): Finding[] => {
  const message = 'TPROXY is accepted but not yet in effect: traffic is captured by REDIRECT';
  const help = 'set REDIRECT, unless the application needs to see client addresses';
  return mode === 'TPROXY' ? [warning('LAT0001', path, message, help)] : [];
};
