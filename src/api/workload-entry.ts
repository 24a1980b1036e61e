// WorkloadEntry: one workload outside the cluster, or an endpoint of a ServiceEntry (networking.istio.io). Read by mesh/workload.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { map, message, portNumber, text, textMap, textOf, uint32 } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { checkWorkload } from './shared/workload-checks.ts';

export const WorkloadEntrySpec = message(
  {},
  {
    address: textOf({ maxLength: 256 }),
    ports: map(portNumber),
    labels: textMap,
    network: text,
    locality: text,
    weight: uint32,
    serviceAccount: text,
  },
);
export type WorkloadEntrySpec = Static<typeof WorkloadEntrySpec>;

const schema = documentOf(WorkloadEntrySpec);
export type WorkloadEntry = Static<typeof schema>;

export const workloadEntry = defineKind({
  ...istioNetworking,
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortNames: ['we'],
  schema,
  checks: [({ spec }) => checkWorkload(spec, ['spec'])],
  columns: [{ name: 'Address', path: ['spec', 'address'] }],
  inEffect: true,
});
