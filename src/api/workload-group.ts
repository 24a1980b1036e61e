// WorkloadGroup: the template of WorkloadEntries that register themselves, and how their health is probed (networking.istio.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { choice, count, list, message, nonEmpty, portNumber, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { WorkloadEntrySpec } from './workload-entry.ts';

const HTTPHealthCheck = message(
  { port: portNumber },
  { path: text, host: text, scheme: choice('HTTP', 'HTTPS'), httpHeaders: list(message({}, { name: text, value: text })) },
);

const ReadinessProbe = message(
  {},
  {
    initialDelaySeconds: count,
    timeoutSeconds: count,
    periodSeconds: count,
    successThreshold: count,
    failureThreshold: count,
    httpGet: HTTPHealthCheck,
    tcpSocket: message({ port: portNumber }, { host: text }),
    exec: message({ command: list(nonEmpty, { minItems: 1 }) }, {}),
    grpc: message({}, { port: portNumber, service: text }),
  },
);

const Spec = message(
  { template: WorkloadEntrySpec },
  { metadata: message({}, { labels: textMap, annotations: textMap }), probe: ReadinessProbe },
);

const schema = documentOf(Spec);
export type WorkloadGroup = Static<typeof schema>;

export const workloadGroup = defineKind({
  ...istioNetworking,
  kind: 'WorkloadGroup',
  plural: 'workloadgroups',
  shortNames: ['wg'],
  schema,
  checks: [],
  columns: [],
  inEffect: false,
});
