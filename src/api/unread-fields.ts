// Fields that are checked and that nothing reads yet, of kinds that are in effect otherwise: one table, for decode and for the guide.

import { isRecord } from './fit.ts';
import { kindId, type Finding } from './kind.ts';
import type { Path } from './object.ts';

export interface UnreadFields {
  /** As `kindId` says, or `MeshConfig`. */
  readonly kind: string;
  /** The parents under which the fields may stand; '' is the document itself. */
  readonly under: readonly string[];
  /** `servers[].tls.caCrl`: `[]` is each item of a list, `*` each field. */
  readonly fields: readonly string[];
  /** What a `*` does not mean. */
  readonly except?: readonly string[];
}

const networking = (kind: string): string => kindId('networking.istio.io', kind);

export const unreadFields: readonly UnreadFields[] = [
  {
    kind: networking('DestinationRule'),
    under: [
      'spec.trafficPolicy',
      'spec.trafficPolicy.portLevelSettings[]',
      'spec.subsets[].trafficPolicy',
      'spec.subsets[].trafficPolicy.portLevelSettings[]',
    ],
    fields: ['loadBalancer.zoneAwareLbSetting'],
  },
  {
    kind: networking('EnvoyFilter'),
    under: ['spec'],
    fields: ['configPatches[].match.waypoint', 'configPatches[].patch.filterClass'],
  },
  { kind: networking('Gateway'), under: ['spec'], fields: ['servers[].defaultEndpoint', 'servers[].port.targetPort'] },
  {
    kind: networking('Sidecar'),
    under: ['spec'],
    fields: [
      'ingress[].port.targetPort',
      'egress[].port.targetPort',
      ...['ingress[].connectionPool.http', 'inboundConnectionPool.http'].flatMap((pool) => [
        `${pool}.h2UpgradePolicy`,
        `${pool}.useClientProtocol`,
        `${pool}.maxConcurrentStreams`,
        `${pool}.http2KeepAlive`,
      ]),
    ],
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: [
      'ca',
      'caCertificates',
      'certificates',
      'configSources',
      'defaultConfig.*',
      'defaultConfig.proxyMetadata.*',
      'defaultConfig.proxyStatsMatcher.inclusionRegexps',
      'defaultProviders',
      'disableEnvoyListenerLog',
      'discoverySelectors',
      'enableEnvoyAccessLogService',
      'enablePrometheusMerge',
      'enableTracing',
      'extensionProviders[]',
      'hboneIdleTimeout',
      'meshMTLS.ecdhCurves',
      'outboundTrafficPolicy.tls',
      'serviceScopeConfigs',
      'zoneAwareLbSetting',
    ],
    except: [
      'defaultConfig.concurrency',
      'defaultConfig.drainDuration',
      'defaultConfig.gatewayTopology',
      'defaultConfig.proxyMetadata',
      'defaultConfig.proxyMetadata.ISTIO_META_HTTP10',
      'defaultConfig.proxyStatsMatcher',
    ],
  },
  { kind: networking('ProxyConfig'), under: ['spec'], fields: ['environmentVariables', 'image.imageType'] },
];

const byKind = new Map(
  unreadFields.map(({ kind, under, fields, except }) => [
    kind,
    { patterns: under.flatMap((parent) => fields.map((field) => stepsOf(parent === '' ? field : `${parent}.${field}`))), except },
  ]),
);

/** One finding for each such field that a document gives a value that asks for something. */
export function findUnread(kind: string, body: unknown): Finding[] {
  const { patterns = [], except = [] } = byKind.get(kind) ?? {};
  return patterns
    .flatMap((steps) => [...matches(body, steps, [])])
    .filter((path) => !except.includes(path.join('.')))
    .map((path) => ({
      code: 'LAT0001',
      severity: 'info',
      path,
      message: `${path.findLast((step) => typeof step === 'string')} is accepted, not yet in effect`,
      help: 'nothing to do; a later version of Lateen acts on it',
    }));
}

/** `servers[].tls` → `servers`, `[]`, `tls`. */
function stepsOf(text: string): readonly string[] {
  return text.replaceAll('[]', '.[]').split('.');
}

function* matches(value: unknown, [step, ...rest]: readonly string[], path: Path): Generator<Path> {
  if (step === undefined) {
    if (asksFor(value)) yield path;
  } else if (step === '[]') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* matches(item, rest, [...path, index]);
  } else if (isRecord(value)) {
    for (const name of step === '*' ? Object.keys(value) : [step])
      if (Object.hasOwn(value, name)) yield* matches(value[name], rest, [...path, name]);
  }
}

/** What is off or empty asks for nothing. */
function asksFor(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value === 'object' ? Object.keys(value).length > 0 : true;
}
