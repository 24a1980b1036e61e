// A proxy's settings: MeshConfig's `defaultConfig` and the annotation `proxy.istio.io/config`.

import type { Static } from 'typebox';
import { bool, choice, count, duration, freeForm, integer, list, map, message, number, text, textMap } from '../schema.ts';
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

export const GatewayTopology = message(
  {},
  {
    numTrustedProxies: count,
    forwardClientCertDetails: choice(
      'UNDEFINED',
      'SANITIZE',
      'FORWARD_ONLY',
      'APPEND_FORWARD',
      'SANITIZE_SET',
      'ALWAYS_FORWARD_ONLY',
    ),
    proxyProtocol: freeForm,
  },
);

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
    proxyHeaders: freeForm,
    privateKeyProvider: freeForm,
    fileFlushInterval: duration,
    fileFlushMinSizeKb: count,
    caCertificatesPem: list(text),
    holdApplicationUntilProxyStarts: bool,
    image: message({}, { imageType: text }),
  },
);
export type ProxySettings = Static<typeof ProxySettings>;
