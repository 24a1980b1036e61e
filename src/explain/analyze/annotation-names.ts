// The annotations that Istio knows, with the kinds that they are for: one table, for the check of annotations.

export interface KnownAnnotation {
  /** Kinds that it may stand on; empty: any. */
  readonly on: readonly string[];
  /** What to use in its place, or why not to use it. */
  readonly deprecated?: string;
}

const on = (...kinds: string[]): KnownAnnotation => ({ on: kinds });
const pod = on('Pod');

const podAnnotations: Readonly<Record<string, readonly string[]>> = {
  'ambient.istio.io/': ['bypass-inbound-capture', 'dns-capture', 'redirection'],
  'inject.istio.io/': ['templates'],
  'istio.io/': ['rev', 'reroute-virtual-interfaces'],
  'prometheus.istio.io/': ['merge-metrics', 'scrape-targets', 'secure-port'],
  'proxy.istio.io/': ['config', 'overrides'],
  'readiness.status.sidecar.istio.io/': ['applicationPorts', 'failureThreshold', 'initialDelaySeconds', 'periodSeconds'],
  'sidecar.istio.io/': [
    'agentLogLevel',
    'bootstrapOverride',
    'componentLogLevel',
    'extraStatTags',
    'interceptionMode',
    'logLevel',
    'nativeSidecar',
    'proxyCPU',
    'proxyCPULimit',
    'proxyImage',
    'proxyImageType',
    'proxyMemory',
    'proxyMemoryLimit',
    'rewriteAppHTTPProbers',
    'statsCompression',
    'statsEvictionInterval',
    'statsFlushInterval',
    'statsHistogramBins',
    'statsHistogramBuckets',
    'status',
    'userVolume',
    'userVolumeMount',
  ],
  'status.sidecar.istio.io/': ['port'],
  'traffic.sidecar.istio.io/': [
    'excludeInboundPorts',
    'excludeInterfaces',
    'excludeOutboundIPRanges',
    'excludeOutboundPorts',
    'includeInboundPorts',
    'includeOutboundIPRanges',
    'includeOutboundPorts',
  ],
};

const deprecatedPodAnnotations: Readonly<Record<string, string>> = {
  'sidecar.istio.io/inject': 'use the label sidecar.istio.io/inject',
  'sidecar.istio.io/controlPlaneAuthPolicy': 'remove it: it does nothing',
  'sidecar.istio.io/discoveryAddress': 'use discoveryAddress in proxy.istio.io/config',
  'sidecar.istio.io/enableCoreDump': 'remove it: it does nothing',
  'sidecar.istio.io/statsInclusionPrefixes': 'use proxyStatsMatcher in proxy.istio.io/config',
  'sidecar.istio.io/statsInclusionRegexps': 'use proxyStatsMatcher in proxy.istio.io/config',
  'sidecar.istio.io/statsInclusionSuffixes': 'use proxyStatsMatcher in proxy.istio.io/config',
  'traffic.sidecar.istio.io/kubevirtInterfaces': 'use istio.io/reroute-virtual-interfaces',
};

const entry = on('WorkloadEntry');

export const annotationNames: ReadonlyMap<string, KnownAnnotation> = new Map([
  ...Object.entries(podAnnotations).flatMap(([prefix, names]) =>
    names.map((name): [string, KnownAnnotation] => [prefix + name, prefix === 'istio.io/' && name === 'rev' ? on() : pod]),
  ),
  ...Object.entries(deprecatedPodAnnotations).map(([name, deprecated]): [string, KnownAnnotation] => [
    name,
    { ...pod, deprecated },
  ]),
  ['galley.istio.io/analyze-suppress', on()],
  ['istio.io/dry-run', on('AuthorizationPolicy')],
  ['istio.io/connect-strategy', on('ServiceEntry')],
  ['istio.io/ignore-policy-attachment', on('BackendTLSPolicy')],
  ['istio.io/use-waypoint-canary-weight', on('Namespace', 'Service', 'ServiceEntry')],
  ['istio.io/autoRegistrationGroup', entry],
  ['istio.io/connectedAt', entry],
  ['istio.io/disconnectedAt', entry],
  ['istio.io/workloadController', entry],
  ['proxy.istio.io/health-checks-enabled', entry],
  ['ambient.istio.io/waypoint-inbound-binding', on('Gateway', 'GatewayClass')],
  ['ambient.istio.io/xfcc-include-client-identity', on('Gateway', 'GatewayClass')],
  ['gateway.istio.io/controller-version', on('Gateway')],
  ['gateway.istio.io/name-override', on('Gateway')],
  ['gateway.istio.io/service-account', on('Gateway')],
  ['networking.istio.io/address-type', on('Gateway')],
  ['networking.istio.io/service-type', on('Gateway')],
  ['networking.istio.io/exportTo', on('Service')],
  ['networking.istio.io/traffic-distribution', on('Service', 'ServiceEntry', 'Namespace')],
  ['traffic.istio.io/nodeSelector', on('Service')],
  ['topology.istio.io/controlPlaneClusters', on('Namespace')],
  ['kubernetes.io/ingress.class', on('Ingress')],
]);

/** What Istio's own machinery writes; nobody writes it by hand. */
export const isInternal = (name: string): boolean =>
  /^(?:internal|operator|install\.operator|experimental)\.istio\.io\//.test(name);
