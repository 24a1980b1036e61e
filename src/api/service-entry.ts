// ServiceEntry: services that no other registry knows (networking.istio.io). Read by mesh/service.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { anything, choice, freeForm, list, message, nonEmpty, portNumber, text } from './schema.ts';
import { addresses, endpoints, hosts, ports } from './service-entry-checks.ts';
import { istioNetworking } from './shared/document.ts';
import { WorkloadSelector } from './shared/selector.ts';
import { WorkloadEntrySpec } from './workload-entry.ts';

const ServiceEntryPort = message({ number: portNumber, name: nonEmpty }, { protocol: text, targetPort: portNumber });
export type ServiceEntryPort = Static<typeof ServiceEntryPort>;

const Spec = message(
  { hosts: list(text, { minItems: 1, maxItems: 256 }) },
  {
    addresses: list(text, { maxItems: 256 }),
    ports: list(ServiceEntryPort),
    location: choice('MESH_EXTERNAL', 'MESH_INTERNAL'),
    resolution: choice('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
    endpoints: list(WorkloadEntrySpec, { maxItems: 4096 }),
    workloadSelector: WorkloadSelector,
    exportTo: list(text),
    subjectAltNames: list(text),
  },
);

const Status = message(
  {},
  {
    addresses: list(message({}, { value: text, host: text })),
    conditions: list(freeForm),
    validationMessages: list(freeForm),
    observedGeneration: anything,
  },
);

const schema = message({ spec: Spec }, { status: Status });
export type ServiceEntry = Static<typeof schema>;

export const serviceEntry = defineKind({
  ...istioNetworking,
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortNames: ['se'],
  schema,
  checks: [hosts, ports, addresses, endpoints],
  columns: [
    { name: 'Hosts', path: ['spec', 'hosts'] },
    { name: 'Location', path: ['spec', 'location'] },
    { name: 'Resolution', path: ['spec', 'resolution'] },
  ],
  inEffect: true,
});
