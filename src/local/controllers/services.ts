// Addresses for Services that name none: the same ones at every start. Used where objects enter the store, and by platform.ts.

import { refOf, type ApiObject } from '../../api/object.ts';
import { dnsAddress, plainDnsAddress, serviceAddress } from '../addresses.ts';
import { bodyOf, type ServiceBody } from '../kubernetes.ts';
import { withField } from '../objects.ts';

/** Headless services and names for other hosts have no address. */
const wantsAddress = ({ spec }: ServiceBody): boolean => spec.type !== 'ExternalName' && (spec.clusterIP ?? '') === '';

/** The services that lack an address, each with one now. */
export function withAddresses(services: readonly ApiObject[]): ApiObject[] {
  const taken = new Set([
    dnsAddress,
    plainDnsAddress,
    ...services.map((service) => bodyOf<ServiceBody>(service).spec.clusterIP ?? ''),
  ]);
  return services
    .filter((service) => wantsAddress(bodyOf<ServiceBody>(service)))
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((service) => {
      const { namespace, name } = service.metadata;
      const clusterIP = serviceAddress(namespace, name, taken);
      taken.add(clusterIP);
      return withField(service, 'spec', { ...bodyOf<ServiceBody>(service).spec, clusterIP, clusterIPs: [clusterIP] });
    });
}

/**
 * Objects on their way to those that are there, the Services among them with addresses: who had one keeps it. Without one even for a
 * moment, a service would lose its listeners, and its callers their connections.
 */
export function admitServices(objects: readonly ApiObject[], present: readonly ApiObject[]): readonly ApiObject[] {
  const there = new Map(present.map((service) => [key(service), service]));
  const coming = objects.filter(isService).map((service) => {
    const { spec } = bodyOf<ServiceBody>(service);
    const before = there.get(key(service));
    const clusterIP = before && bodyOf<ServiceBody>(before).spec.clusterIP;
    const keeps = wantsAddress({ ...bodyOf<ServiceBody>(service), spec }) && clusterIP !== undefined && clusterIP !== 'None';
    return keeps ? withField(service, 'spec', { ...spec, clusterIP, clusterIPs: [clusterIP] }) : service;
  });
  for (const service of coming) there.set(key(service), service);
  const given = new Map(withAddresses([...there.values()]).map((service) => [key(service), service]));
  const admitted = new Map(coming.map((service) => [key(service), given.get(key(service)) ?? service]));
  return objects.map((object) => (isService(object) ? (admitted.get(key(object)) ?? object) : object));
}

const isService = (object: ApiObject): boolean => {
  const { group, kind } = refOf(object);
  return group === '' && kind === 'Service';
};

const key = ({ metadata }: ApiObject): string => `${metadata.namespace}/${metadata.name}`;
