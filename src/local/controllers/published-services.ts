// Which service ports the host is to offer: those of LoadBalancer services, the ingress gateway's among them. Pure.

import type { ApiObject } from '../../api/object.ts';
import { bodyOf, type ServiceBody } from '../kubernetes.ts';
import { highPort } from './ingress-gateway.ts';

export interface PublishedPort {
  /** `istio-system/istio-ingressgateway:80`, or `…:443/udp`, for messages and as a key. */
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  /** The service's address inside the sandbox. */
  readonly address: string;
  readonly port: number;
  /** The port wished for on the host: 8000 higher where the service's is below 1024. */
  readonly hostPort: number;
}

export const portsToPublish = (services: readonly ApiObject[]): PublishedPort[] =>
  services.flatMap((service) => {
    const { spec } = bodyOf<ServiceBody>(service);
    const { clusterIP, ports = [] } = spec;
    if (spec.type !== 'LoadBalancer' || clusterIP === undefined || clusterIP === 'None') return [];
    const { namespace, name } = service.metadata;
    return ports.flatMap(({ port, protocol: given = 'TCP' }) => {
      const protocol = given.toLowerCase();
      if (protocol !== 'tcp' && protocol !== 'udp') return [];
      const suffix = protocol === 'udp' ? datagrams : '';
      return [
        { name: `${namespace}/${name}:${port}${suffix}`, protocol, address: clusterIP, port, hostPort: highPort(port) } as const,
      ];
    });
  });

const datagrams = '/udp';

/** The port for connections that has the number of one for datagrams, by their names. */
export const twinOf = ({ name, protocol }: Pick<PublishedPort, 'name' | 'protocol'>): string | undefined =>
  protocol === 'udp' ? name.slice(0, -datagrams.length) : undefined;
