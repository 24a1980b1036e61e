// Which service ports the host is to offer: those of LoadBalancer services, the ingress gateway's among them. Pure.

import type { ApiObject } from '../../api/object.ts';
import { bodyOf, type ServiceBody } from '../kubernetes.ts';
import { highPort } from './ingress-gateway.ts';

export interface PublishedPort {
  /** `istio-system/istio-ingressgateway:80`, for messages and as a key. */
  readonly name: string;
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
    return ports
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map(({ port }) => ({ name: `${namespace}/${name}:${port}`, address: clusterIP, port, hostPort: highPort(port) }));
  });
