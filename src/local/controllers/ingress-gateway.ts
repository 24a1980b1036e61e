// The ingress gateway that the platform provides where Gateways or Ingresses ask for it and nobody runs it: a Service and a Deployment of Envoy alone.

import type { ApiObject } from '../../api/object.ts';
import type { GatewayDeclaration } from '../../mesh/gateway.ts';
import { newObject } from '../objects.ts';
import type { ServicePort } from '../kubernetes.ts';

const name = 'istio-ingressgateway';
const namespace = 'istio-system';
const gatewayLabels = { app: name, istio: 'ingressgateway' } as const;

const selected = ({ selector }: GatewayDeclaration): boolean =>
  selector['istio'] === 'ingressgateway' &&
  Object.entries(selector).every(([key, value]) => (gatewayLabels as Record<string, string>)[key] === value);

/** Low ports stand 8000 higher inside the pod, as upstream's gateway has 80 at 8080. */
export const highPort = (port: number): number => (port < 1024 ? port + 8000 : port);

/**
 * Upstream's two ports, and each further one that a server names. A server may name what it listens on inside the pod instead
 * (8080 rather than 80, as Bookinfo's does): the port that leads there is enough. HTTP/3 comes to the same number by UDP.
 */
export function gatewayPorts(gateways: readonly GatewayDeclaration[]): ServicePort[] {
  const ports: ServicePort[] = [
    { name: 'http2', port: 80, targetPort: 8080, protocol: 'TCP' },
    { name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' },
  ];
  const asked = gateways.flatMap(({ servers }) => servers.map(({ server }) => server.port));
  const add = (number: number, name: string, protocol: 'TCP' | 'UDP'): void => {
    const leadsThere = (each: ServicePort) => each.port === number || each.targetPort === number;
    if (ports.some((each) => each.protocol === protocol && leadsThere(each))) return;
    const port = ports.find(leadsThere)?.port ?? number;
    ports.push({ name: `${name}-${port}`, port, targetPort: highPort(port), protocol });
  };
  const isQuic = ({ protocol }: (typeof asked)[number]) => protocol.toUpperCase() === 'HTTP3';
  for (const port of asked) if (!isQuic(port)) add(port.number, port.protocol.toLowerCase(), 'TCP');
  for (const port of asked) if (isQuic(port)) add(port.number, 'http3', 'UDP');
  return ports.sort((a, b) => a.port - b.port);
}

/** Nothing while no Gateway or Ingress asks for it. The origin is the first that does. */
export function ingressGateway(gateways: readonly GatewayDeclaration[]): ApiObject[] {
  const asking = gateways.filter(selected);
  const [first] = asking;
  if (first === undefined) return [];
  return [
    newObject(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace, labels: gatewayLabels, annotations: {} },
        spec: { type: 'LoadBalancer', selector: gatewayLabels, ports: gatewayPorts(asking) },
      },
      { ...first.object.origin, position: () => undefined },
    ),
    newObject(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace, labels: gatewayLabels, annotations: {} },
        spec: {
          replicas: 1,
          selector: { matchLabels: gatewayLabels },
          template: {
            metadata: { labels: gatewayLabels, annotations: { 'inject.istio.io/templates': 'gateway' } },
            spec: {
              serviceAccountName: `${name}-service-account`,
              terminationGracePeriodSeconds: 5,
              containers: [{ name: 'istio-proxy', image: 'auto' }],
            },
          },
        },
      },
      { ...first.object.origin, position: () => undefined },
    ),
  ];
}
