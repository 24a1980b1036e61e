// Service: a name and ports for a set of pods (Kubernetes). Read by mesh/service.

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { isAddress } from './names.ts';
import { bool, choice, integerOrText, list, openMessage, text, textMap, whole, wholePort } from './schema.ts';

const port = wholePort;

const ServicePort = openMessage(
  { port },
  { name: text, protocol: choice('TCP', 'UDP', 'SCTP'), appProtocol: text, targetPort: integerOrText, nodePort: whole() },
);
export type ServicePort = Static<typeof ServicePort>;

const Spec = openMessage(
  {},
  {
    selector: textMap,
    ports: list(ServicePort),
    type: choice('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    clusterIP: text,
    clusterIPs: list(text),
    externalName: text,
    externalIPs: list(text),
    externalTrafficPolicy: choice('Cluster', 'Local'),
    internalTrafficPolicy: choice('Cluster', 'Local'),
    ipFamilies: list(choice('IPv4', 'IPv6')),
    ipFamilyPolicy: choice('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    loadBalancerIP: text,
    loadBalancerClass: text,
    loadBalancerSourceRanges: list(text),
    publishNotReadyAddresses: bool,
    sessionAffinity: choice('ClientIP', 'None'),
    trafficDistribution: text,
  },
);

const Status = openMessage(
  {},
  { loadBalancer: openMessage({}, { ingress: list(openMessage({}, { ip: text, hostname: text })) }) },
);

const schema = openMessage({}, { spec: Spec, status: Status });
export type Service = Static<typeof schema>;

/** As the API server asks of them: `None`, and nothing at all, are words of their own. */
const clusterAddresses: Check<Service> = ({ spec: { clusterIP = '', clusterIPs = [] } = {} }) =>
  [
    { path: ['spec', 'clusterIP'], text: clusterIP },
    ...clusterIPs.map((text, index) => ({ path: ['spec', 'clusterIPs', index], text })),
  ]
    .filter(({ text }) => text !== '' && text !== 'None' && !isAddress(text))
    .map(({ path, text }) => error('LAT1026', path, `${text} is not an IP address`, 'give an address, None, or leave it out'));

export const service = defineKind({
  group: '',
  kind: 'Service',
  versions: ['v1'],
  plural: 'services',
  shortNames: ['svc'],
  scope: 'namespaced',
  schema,
  checks: [clusterAddresses],
  columns: [
    { name: 'Type', value: ({ body }) => (body as Service).spec?.type ?? 'ClusterIP' },
    { name: 'Cluster-IP', path: ['spec', 'clusterIP'] },
    { name: 'Ports', value: ({ body }) => portsOf(body) },
    { name: 'Selector', path: ['spec', 'selector'], wide: true },
  ],
  inEffect: true,
});

function portsOf(body: unknown): string {
  const { spec } = body as Service;
  return (spec?.ports ?? []).map(({ port: number, protocol = 'TCP' }) => `${number}/${protocol}`).join(',');
}
