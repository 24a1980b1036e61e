// The fields of MeshConfig, to the leaf (istio.md §1.12). mesh-config.ts adds the defaults and the checks.

import type { Static } from 'typebox';
import { bool, choice, duration, freeForm, integer, list, message, text, textMap } from '../schema.ts';
import { ConnectionPoolSettings, h2UpgradePolicy, OutlierDetection, TcpKeepalive } from './connection-pool.ts';
import { ExtensionProvider } from './extension-provider.ts';
import { HTTPRetry } from './http-retry.ts';
import { LocalityLoadBalancerSetting, ZoneAwareLoadBalancerSetting } from './load-balancer.ts';
import { ProxySettings } from './proxy-settings.ts';
import { SetSelector } from './set-selector.ts';
import { ClientTLSSettings } from './tls-settings.ts';

const port = integer(0, 65_535);

const ServiceSelector = message({}, { matchLabels: textMap, matchExpressions: list(freeForm) });
const TLSConfig = message(
  {},
  { minProtocolVersion: choice('TLS_AUTO', 'TLSV1_2', 'TLSV1_3'), ecdhCurves: list(text), cipherSuites: list(text) },
);
const CertificateData = message({}, { pem: text, spiffeBundleUrl: text, certSigners: list(text), trustDomains: list(text) });
const ConfigSource = message({}, { address: text, tlsSettings: ClientTLSSettings, subscribedResources: list(text) });
const visibility = choice('VISIBILITY_UNSPECIFIED', 'NONE', 'NAMESPACE', 'PUBLIC');
const ServiceEntryVisibility = message(
  {},
  {
    defaultVisibility: visibility,
    applyToSidecars: bool,
    policies: list(message({}, { visibility, matchingRules: list(message({}, { namespaceSelector: SetSelector })) })),
  },
);
export type ServiceEntryVisibility = Static<typeof ServiceEntryVisibility>;

export const MeshFields = message(
  {},
  {
    proxyListenPort: port,
    proxyInboundListenPort: port,
    proxyHttpPort: port,
    connectTimeout: duration,
    hboneIdleTimeout: duration,
    protocolDetectionTimeout: duration,
    dnsRefreshRate: duration,
    tcpKeepalive: TcpKeepalive,
    ingressClass: text,
    ingressService: text,
    ingressControllerMode: choice('UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT'),
    ingressSelector: text,
    enableTracing: bool,
    accessLogFile: text,
    accessLogFormat: text,
    accessLogEncoding: choice('TEXT', 'JSON'),
    enableEnvoyAccessLogService: bool,
    disableEnvoyListenerLog: bool,
    defaultConfig: ProxySettings,
    outboundTrafficPolicy: message(
      {},
      { mode: choice('REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS'), tls: ClientTLSSettings },
    ),
    inboundTrafficPolicy: message({}, { mode: choice('PASSTHROUGH', 'LOCALHOST') }),
    configSources: list(ConfigSource),
    enableAutoMtls: bool,
    trustDomain: text,
    trustDomainAliases: list(text),
    caCertificates: list(CertificateData),
    defaultServiceExportTo: list(text),
    defaultVirtualServiceExportTo: list(text),
    defaultDestinationRuleExportTo: list(text),
    rootNamespace: text,
    localityLbSetting: LocalityLoadBalancerSetting,
    zoneAwareLbSetting: ZoneAwareLoadBalancerSetting,
    h2UpgradePolicy,
    inboundClusterStatName: text,
    outboundClusterStatName: text,
    certificates: list(message({}, { secretName: text, dnsNames: list(text) })),
    verifyCertificateAtClient: bool,
    serviceSettings: list(message({}, { settings: message({}, { clusterLocal: bool }), hosts: list(text) })),
    serviceScopeConfigs: list(
      message({}, { namespaceSelector: ServiceSelector, servicesSelector: ServiceSelector, scope: choice('LOCAL', 'GLOBAL') }),
    ),
    enablePrometheusMerge: bool,
    ca: message({}, { address: text, tlsSettings: ClientTLSSettings, requestTimeout: duration, istiodSide: bool }),
    extensionProviders: list(ExtensionProvider),
    defaultProviders: message({}, { tracing: list(text), metrics: list(text), accessLogging: list(text) }),
    discoverySelectors: list(SetSelector),
    pathNormalization: message(
      {},
      { normalization: choice('DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES') },
    ),
    defaultHttpRetryPolicy: HTTPRetry,
    defaultInboundHttpRetryPolicy: HTTPRetry,
    meshMTLS: TLSConfig,
    tlsDefaults: TLSConfig,
    defaultTrafficPolicy: message({}, { connectionPool: ConnectionPoolSettings, outlierDetection: OutlierDetection }),
    serviceEntryVisibility: ServiceEntryVisibility,
  },
);
export type MeshFields = Static<typeof MeshFields>;
