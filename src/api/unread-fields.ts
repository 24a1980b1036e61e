// Fields that are checked and that nothing reads yet, of kinds that are in effect otherwise: one table, for decode and for the guide.

import type { FieldPatterns } from './field-pattern.ts';
import { kindId } from './kind.ts';

const networking = (kind: string): string => kindId('networking.istio.io', kind);

export const unreadFields: readonly FieldPatterns[] = [
  {
    kind: networking('EnvoyFilter'),
    under: ['spec'],
    fields: ['configPatches[].match.waypoint'],
  },
  {
    kind: 'MeshConfig',
    under: [''],
    fields: [
      'ca',
      'caCertificates',
      'defaultConfig.caCertificatesPem',
      'defaultConfig.connectionSettings.listenerConnectionLimit',
      'defaultConfig.envoyAccessLogService',
      'defaultConfig.envoyMetricsService',
      'defaultConfig.extraStatTags',
      'defaultConfig.readinessProbe',
      'defaultConfig.statsCompression',
      'defaultConfig.statsdUdpAddress',
      'defaultConfig.tracing',
      'defaultConfig.tracingServiceName',
      'defaultProviders',
      'enableEnvoyAccessLogService',
      'enablePrometheusMerge',
      'enableTracing',
      'extensionProviders[]',
      'hboneIdleTimeout',
      'serviceScopeConfigs',
    ],
  },
];
