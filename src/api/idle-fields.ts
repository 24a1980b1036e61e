// Fields that say nothing to Lateen, of kinds that are in effect otherwise: those that nothing reads yet, those that Istio does not
// read either, and those that have no meaning where Lateen runs. One finding for each that a document gives.

import { fieldsAt, patternsOf, type FieldPatterns } from './field-pattern.ts';
import { kindId, type Finding } from './kind.ts';
import { unreadFields } from './unread-fields.ts';

/** Fields that never have an effect, and why. */
export interface IdleFields extends FieldPatterns {
  /** Ends a sentence that begins with the field's name. */
  readonly why: string;
  readonly help: string;
}

const networking = (kind: string): string => kindId('networking.istio.io', kind);
const asInIstio = 'has no effect, as in Istio';
const dropIt = 'remove it';

export const idleFields: readonly IdleFields[] = [
  {
    kind: networking('Gateway'),
    under: ['spec'],
    fields: ['servers[].defaultEndpoint'],
    why: asInIstio,
    help: 'bind a VirtualService to the Gateway',
  },
  {
    kind: networking('Gateway'),
    under: ['spec'],
    fields: ['servers[].port.targetPort'],
    why: `${asInIstio}: the Service before the gateway maps ports`,
    help: 'give the Service a targetPort',
  },
  {
    kind: networking('Sidecar'),
    under: ['spec'],
    fields: ['ingress[].port.targetPort', 'egress[].port.targetPort'],
    why: asInIstio,
    help: 'an ingress listener leads to its defaultEndpoint, else to its own port',
  },
  {
    kind: networking('Sidecar'),
    under: ['spec'],
    fields: ['ingress[].connectionPool.http.h2UpgradePolicy', 'inboundConnectionPool.http.h2UpgradePolicy'],
    why: `${asInIstio}: an upgrade is for callers`,
    help: "set it in a DestinationRule; the port's protocol says what the application speaks",
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: [
      'certificates',
      'defaultConfig.availabilityZone',
      'defaultConfig.discoveryRefreshDelay',
      'defaultConfig.envoyMetricsServiceAddress',
      'defaultConfig.sds',
      'defaultConfig.statNameLength',
      'defaultConfig.zipkinAddress',
      'meshMTLS.ecdhCurves',
    ],
    why: asInIstio,
    help: dropIt,
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['configSources'],
    why: 'has no effect: the command line says where configuration comes from',
    help: 'give files and folders to lateen up or lateen control',
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: [
      'defaultConfig.binaryPath',
      'defaultConfig.configPath',
      'defaultConfig.controlPlaneAuthPolicy',
      'defaultConfig.customConfigFile',
      'defaultConfig.discoveryAddress',
      'defaultConfig.proxyAdminPort',
      'defaultConfig.proxyBootstrapTemplatePath',
      'defaultConfig.serviceCluster',
      'defaultConfig.statusPort',
    ],
    why: "has no effect: it is for an agent in each pod, and Lateen's proxies have a socket of their host's agent",
    help: 'change a bootstrap by an EnvoyFilter for BOOTSTRAP',
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['defaultConfig.holdApplicationUntilProxyStarts'],
    why: 'has no effect: applications always wait for their proxy',
    help: dropIt,
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['defaultConfig.image.imageType'],
    why: 'has no effect: every proxy is the same stock Envoy',
    help: dropIt,
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['defaultConfig.privateKeyProvider'],
    why: 'has no effect: stock Envoy has no CryptoMb or QAT',
    help: dropIt,
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['defaultConfig.proxyHeaders.metadataExchangeHeaders'],
    why: 'has no effect: proxies send no such headers',
    help: dropIt,
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: ['outboundTrafficPolicy.tls.credentialName'],
    why: 'has no effect: a sidecar gets Secrets only where a DestinationRule selects it',
    help: 'give files in caCertificates, clientCertificate and privateKey',
  },
  {
    kind: networking('ProxyConfig'),
    under: ['spec'],
    fields: ['image.imageType'],
    why: 'has no effect: every proxy is the same stock Envoy',
    help: dropIt,
  },
];

const unreadPatterns = byKind(unreadFields);
const idlePatterns = byKind(idleFields);

function byKind<Entry extends FieldPatterns>(entries: readonly Entry[]) {
  const patterned = entries.map((entry) => ({ entry, patterns: patternsOf(entry) }));
  return Map.groupBy(patterned, ({ entry }) => entry.kind);
}

/** One finding for each such field that a document gives a value that asks for something. */
export function findIdle(kind: string, body: unknown): Finding[] {
  const found = <Entry>(entries: readonly { entry: Entry; patterns: readonly (readonly string[])[] }[] = []) =>
    entries.flatMap(({ entry, patterns }) =>
      patterns.flatMap((steps) => [...fieldsAt(body, steps)].map((path) => ({ entry, path, name: nameOf(path) }))),
    );
  return [
    ...found(unreadPatterns.get(kind)).map(({ path, name }) => ({
      code: 'LAT0001' as const,
      severity: 'info' as const,
      path,
      message: `${name} is accepted, not yet in effect`,
      help: 'nothing to do; a later version of Lateen acts on it',
    })),
    ...found(idlePatterns.get(kind)).map(({ entry, path, name }) => ({
      code: 'LAT0002' as const,
      severity: 'info' as const,
      path,
      message: `${name} ${entry.why}`,
      help: entry.help,
    })),
  ];
}

const nameOf = (path: Finding['path']): string => String(path.findLast((step) => typeof step === 'string'));
