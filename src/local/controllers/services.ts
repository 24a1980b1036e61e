// Addresses for Services that name none: the same ones at every start. Used where objects enter the store, and by platform.ts.

import type { ApiObject } from '../../api/object.ts';
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

const key = ({ metadata }: ApiObject): string => `${metadata.namespace}/${metadata.name}`;
