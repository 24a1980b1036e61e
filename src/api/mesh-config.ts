// MeshConfig: what holds for the whole mesh, with Istio's defaults. Not a kind: a file, or a ConfigMap's key.

import { providerKinds } from './shared/extension-provider.ts';
import { MeshFields, type MeshFields as Fields } from './shared/mesh-fields.ts';
import { error, warning } from './finding.ts';
import { fit, isRecord } from './fit.ts';
import type { Finding } from './kind.ts';
import { findIdle } from './idle-fields.ts';
import { checkInterception } from './shared/proxy-settings.ts';
import { checkClientTls } from './shared/tls-checks.ts';

export type { ProxySettings } from './shared/proxy-settings.ts';
export type { ExtensionProvider } from './shared/extension-provider.ts';

const defaults = {
  proxyListenPort: 15001,
  proxyInboundListenPort: 15006,
  proxyHttpPort: 0,
  connectTimeout: '10s',
  hboneIdleTimeout: '1h',
  protocolDetectionTimeout: '0s',
  dnsRefreshRate: '60s',
  ingressClass: 'istio',
  ingressService: 'istio-ingressgateway',
  ingressControllerMode: 'STRICT',
  enableTracing: true,
  accessLogFile: '',
  accessLogFormat: '',
  accessLogEncoding: 'TEXT',
  enableEnvoyAccessLogService: false,
  disableEnvoyListenerLog: false,
  outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
  inboundTrafficPolicy: { mode: 'PASSTHROUGH' },
  enableAutoMtls: true,
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  defaultServiceExportTo: ['*'],
  defaultVirtualServiceExportTo: ['*'],
  defaultDestinationRuleExportTo: ['*'],
  rootNamespace: 'istio-system',
  localityLbSetting: { enabled: true },
  h2UpgradePolicy: 'DO_NOT_UPGRADE',
  inboundClusterStatName: '',
  outboundClusterStatName: '',
  enablePrometheusMerge: true,
  extensionProviders: [],
  pathNormalization: { normalization: 'DEFAULT' },
} satisfies Fields;

const proxyDefaults = {
  configPath: './etc/istio/proxy',
  binaryPath: '/usr/local/bin/envoy',
  serviceCluster: 'istio-proxy',
  drainDuration: '45s',
  discoveryAddress: 'istiod.istio-system.svc:15012',
  proxyAdminPort: 15000,
  statusPort: 15020,
  statNameLength: 189,
  controlPlaneAuthPolicy: 'MUTUAL_TLS',
  interceptionMode: 'REDIRECT',
  tracing: { sampling: 1 },
  statsCompression: true,
} satisfies Fields['defaultConfig'];

type Given<Name extends keyof Fields> = NonNullable<Fields[Name]>;
type ProxyDefaults = Given<'defaultConfig'>;

/** MeshConfig with every default in place; what stays optional is what Istio leaves unset. */
export type MeshConfig = Omit<Fields, keyof typeof defaults | 'defaultConfig'> & {
  readonly [Name in Exclude<keyof typeof defaults, 'outboundTrafficPolicy' | 'inboundTrafficPolicy'>]: Given<Name>;
} & {
  readonly outboundTrafficPolicy: Given<'outboundTrafficPolicy'> & {
    readonly mode: NonNullable<Given<'outboundTrafficPolicy'>['mode']>;
  };
  readonly inboundTrafficPolicy: Given<'inboundTrafficPolicy'> & {
    readonly mode: NonNullable<Given<'inboundTrafficPolicy'>['mode']>;
  };
  readonly defaultConfig: ProxyDefaults & { readonly [Name in keyof typeof proxyDefaults]: NonNullable<ProxyDefaults[Name]> };
};

/** Istio's defaults. */
export const meshConfigDefaults = (): MeshConfig => withDefaults({});

/** A MeshConfig as given (parsed YAML), over Istio's defaults. Fields that do not fit are left at their defaults and reported. */
export function meshConfigOf(given: unknown): { readonly config: MeshConfig; readonly findings: readonly Finding[] } {
  const { value, findings } = fit(MeshFields, given ?? {});
  const wrong = new Set(findings.filter(({ severity }) => severity === 'error').map(({ path }) => path[0]));
  if (!isRecord(value)) return { config: meshConfigDefaults(), findings };
  // A field with an error inside is left out whole: half of a policy may be worse than none.
  const kept = Object.fromEntries(Object.entries(value).filter(([name]) => !wrong.has(name))) as Fields;
  return {
    config: withDefaults(kept),
    findings: [
      ...findings,
      ...checkProviders(kept),
      ...checkUndeclared(kept),
      ...checkInterception(kept.defaultConfig?.interceptionMode, ['defaultConfig', 'interceptionMode']),
      ...findIdle('MeshConfig', kept),
    ],
  };
}

function withDefaults(given: Fields): MeshConfig {
  return {
    ...defaults,
    ...given,
    // Protobuf's zero values: a policy without a mode has the enum's first.
    outboundTrafficPolicy: given.outboundTrafficPolicy
      ? { mode: 'REGISTRY_ONLY', ...given.outboundTrafficPolicy }
      : defaults.outboundTrafficPolicy,
    inboundTrafficPolicy: given.inboundTrafficPolicy
      ? { mode: 'PASSTHROUGH', ...given.inboundTrafficPolicy }
      : defaults.inboundTrafficPolicy,
    // Istio merges defaultConfig over its defaults and replaces all other nested values.
    defaultConfig: { ...proxyDefaults, ...given.defaultConfig },
  };
}

/** TLS to hosts that nobody declared: they are not of the mesh, and known by name only where names are looked up. */
function checkUndeclared({ outboundTrafficPolicy }: Fields): Finding[] {
  const { tls, mode } = outboundTrafficPolicy ?? {};
  if (tls === undefined) return [];
  const path = ['outboundTrafficPolicy', 'tls'];
  if (mode !== 'ALLOW_ANY_DYNAMIC_DNS') {
    const help = 'set mode to ALLOW_ANY_DYNAMIC_DNS, or remove tls';
    return [warning('LAT1211', path, `TLS to undeclared hosts is for the mode ALLOW_ANY_DYNAMIC_DNS only`, help)];
  }
  const findings = checkClientTls(tls, path);
  if (tls.mode === 'ISTIO_MUTUAL') {
    const help = 'set mode to SIMPLE or MUTUAL';
    findings.push(warning('LAT1211', [...path, 'mode'], 'undeclared hosts are not of the mesh: they are called plainly', help));
  }
  return findings;
}

function checkProviders({ extensionProviders = [] }: Fields): Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  for (const [index, provider] of extensionProviders.entries()) {
    const path = ['extensionProviders', index];
    const kinds = providerKinds.filter((kind) => kind in provider);
    if (kinds.length !== 1) {
      const help = 'set exactly one field beside name';
      findings.push(
        error('LAT1903', path, `provider ${provider.name} is of ${kinds.length === 0 ? 'no kind' : kinds.join(' and ')}`, help),
      );
    }
    if (names.has(provider.name)) {
      findings.push(error('LAT1904', [...path, 'name'], `two providers are named ${provider.name}`, 'give each its own name'));
    }
    names.add(provider.name);
  }
  return findings;
}
