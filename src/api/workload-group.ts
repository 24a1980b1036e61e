// WorkloadGroup: the template of WorkloadEntries that register themselves, and how their health is probed (networking.istio.io).

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { choice, count, list, message, nonEmpty, portNumber, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { checkLabels } from './shared/values.ts';
import { checkWorkload } from './shared/workload-checks.ts';
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

const template: Check<WorkloadGroup> = ({ spec }) => [
  ...checkWorkload(spec.template, ['spec', 'template'], true),
  ...checkLabels(spec.metadata?.labels, ['spec', 'metadata', 'labels']),
];

const probe: Check<WorkloadGroup> = ({ spec }) => {
  if (spec.probe === undefined) return [];
  const { httpGet, tcpSocket, exec, grpc } = spec.probe;
  const given = Object.entries({ httpGet, tcpSocket, exec, grpc }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (given.length === 1) return [];
  const message = given.length === 0 ? 'the probe has no method' : `${given.join(' and ')} exclude each other`;
  return [error('LAT1603', ['spec', 'probe'], message, 'give one of httpGet, tcpSocket, exec, grpc')];
};

export const workloadGroup = defineKind({
  ...istioNetworking,
  kind: 'WorkloadGroup',
  plural: 'workloadgroups',
  shortNames: ['wg'],
  schema,
  checks: [template, probe],
  columns: [],
  inEffect: false,
});
