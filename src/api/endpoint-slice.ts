// EndpointSlice: addresses behind a Service (Kubernetes, discovery.k8s.io). Read by mesh/endpoints.

import type { Static } from 'typebox';
import { isIP } from 'node:net';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { bool, choice, freeForm, list, openMessage, text, textMap, wholePort } from './schema.ts';

const ObjectReference = openMessage({}, { kind: text, namespace: text, name: text, uid: text });

const Endpoint = openMessage(
  { addresses: list(text, { minItems: 1, maxItems: 100 }) },
  {
    conditions: openMessage({}, { ready: bool, serving: bool, terminating: bool }),
    hostname: text,
    targetRef: ObjectReference,
    nodeName: text,
    zone: text,
    hints: freeForm,
    deprecatedTopology: textMap,
  },
);
export type Endpoint = Static<typeof Endpoint>;

const EndpointPort = openMessage(
  {},
  {
    name: text,
    port: wholePort,
    protocol: choice('TCP', 'UDP', 'SCTP'),
    appProtocol: text,
  },
);

const schema = openMessage(
  { addressType: choice('IPv4', 'IPv6', 'FQDN') },
  { endpoints: list(Endpoint, { maxItems: 1000 }), ports: list(EndpointPort) },
);
export type EndpointSlice = Static<typeof schema>;

const versions: Readonly<Record<string, number>> = { IPv4: 4, IPv6: 6 };

/** Addresses are of the slice's type, as the API server asks; those of type FQDN nobody reads. */
const addressesFit: Check<EndpointSlice> = ({ addressType, endpoints = [] }) =>
  endpoints.flatMap(({ addresses }, index) =>
    addresses.flatMap((address, at) =>
      addressType === 'FQDN' || isIP(address) === versions[addressType]
        ? []
        : [
            error(
              'LAT1026',
              ['endpoints', index, 'addresses', at],
              `${address} is no ${addressType} address`,
              'correct it, or put it into a slice of its own type',
            ),
          ],
    ),
  );

export const endpointSlice = defineKind({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  versions: ['v1'],
  plural: 'endpointslices',
  shortNames: [],
  scope: 'namespaced',
  schema,
  checks: [addressesFit],
  columns: [
    { name: 'AddressType', path: ['addressType'] },
    { name: 'Ports', value: ({ body }) => ((body as EndpointSlice).ports ?? []).map(({ port }) => port).join(',') },
    {
      name: 'Endpoints',
      value: ({ body }) => ((body as EndpointSlice).endpoints ?? []).flatMap(({ addresses }) => addresses).join(','),
    },
  ],
  inEffect: true,
});
