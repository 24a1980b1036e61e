// Endpoints: addresses behind a Service in Kubernetes' older form; EndpointSlices win over it. Read by mesh/endpoints.

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { isAddress } from './names.ts';
import { choice, list, openMessage, text, wholePort } from './schema.ts';

const EndpointAddress = openMessage(
  { ip: text },
  {
    hostname: text,
    nodeName: text,
    targetRef: openMessage({}, { kind: text, namespace: text, name: text, uid: text }),
  },
);

const EndpointSubset = openMessage(
  {},
  {
    addresses: list(EndpointAddress),
    notReadyAddresses: list(EndpointAddress),
    ports: list(openMessage({ port: wholePort }, { name: text, protocol: choice('TCP', 'UDP', 'SCTP'), appProtocol: text })),
  },
);

const schema = openMessage({}, { subsets: list(EndpointSubset) });
export type Endpoints = Static<typeof schema>;

const addressesFit: Check<Endpoints> = ({ subsets = [] }) =>
  subsets.flatMap((subset, index) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, at) =>
        isAddress(ip) ? [] : [error('LAT1026', ['subsets', index, list, at, 'ip'], `${ip} is not an IP address`, 'correct it')],
      ),
    ),
  );

export const endpoints = defineKind({
  group: '',
  kind: 'Endpoints',
  versions: ['v1'],
  plural: 'endpoints',
  shortNames: ['ep'],
  scope: 'namespaced',
  schema,
  checks: [addressesFit],
  columns: [
    {
      name: 'Endpoints',
      value: ({ body }) =>
        ((body as Endpoints).subsets ?? []).flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).join(','),
    },
  ],
  inEffect: true,
});
