// Service addresses and the ready endpoints behind each port, from Services and all EndpointSlices: what service-rules.ts programs. Pure.

import { isIPv4 } from 'node:net';
import type { ApiObject } from '../../api/object.ts';
import { bodyOf, type EndpointSliceBody, type ServiceBody } from '../kubernetes.ts';
import type { VirtualPort } from '../service-rules.ts';
import { serviceLabel } from './endpoint-slices.ts';

export function virtualPorts(services: readonly ApiObject[], slices: readonly ApiObject[]): VirtualPort[] {
  const byService = Map.groupBy(slices, ({ metadata }) => `${metadata.namespace}/${metadata.labels[serviceLabel] ?? ''}`);
  return services.flatMap((service) => {
    const { spec } = bodyOf<ServiceBody>(service);
    const address = spec.clusterIP ?? '';
    if (!isIPv4(address)) return [];
    const own = (byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? []).map((slice) =>
      bodyOf<EndpointSliceBody>(slice),
    );
    return (spec.ports ?? []).flatMap(({ name = '', port, protocol = 'TCP' }) => {
      const lower = protocol.toLowerCase();
      if (lower !== 'tcp' && lower !== 'udp') return [];
      const endpoints = own.flatMap((slice) => endpointsOf(slice, name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return [{ address, port, protocol: lower, endpoints }];
    });
  });
}

function endpointsOf({ endpoints = [], ports = [] }: EndpointSliceBody, name: string): (readonly [string, number])[] {
  const port = ports.find((each) => (each.name ?? '') === name)?.port;
  if (port === undefined) return [];
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses = [] }) => addresses.filter(isIPv4).map((address) => [address, port] as const));
}
