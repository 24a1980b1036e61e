// The servers of a gateway proxy: those of every Gateway that selects it, at the ports where its pod really listens.

import type { ApiObject, Path } from '../../api/object.ts';
import type { Gateway, Server } from '../../api/gateway.ts';
import { coversHost } from '../../mesh/hostname.ts';
import { matchesLabels } from '../../mesh/labels.ts';
import { protocolNamed, type Protocol } from '../../mesh/protocol.ts';
import type { ProxyClass } from '../proxy-class.ts';

export interface GatewayServer {
  /** `namespace/name`, as VirtualServices name it. */
  readonly gateway: string;
  readonly namespace: string;
  /** The port that the Gateway and VirtualServices speak of. */
  readonly number: number;
  /** Where the proxy listens: a Service may map the former to it. */
  readonly port: number;
  readonly bind: string;
  readonly protocol: Protocol;
  readonly server: Server;
  readonly object: ApiObject<Gateway>;
  readonly path: Path;
}

export function serversOf(proxy: ProxyClass): GatewayServer[] {
  const { mesh } = proxy.view;
  return mesh.gatewaysFor(proxy.namespace, proxy.labels).flatMap((object) =>
    object.body.spec.servers.flatMap((server, index): GatewayServer[] => {
      const number = server.port.number;
      const shared = {
        gateway: `${object.metadata.namespace}/${object.metadata.name}`,
        namespace: object.metadata.namespace,
        number,
        bind: server.bind || '0.0.0.0',
        protocol: protocolNamed(server.port.protocol) ?? 'TCP',
        server,
        object,
        path: ['spec', 'servers', index],
      };
      return listeningPorts(proxy, number).map((port) => ({ ...shared, port }));
    }),
  );
}

/** A server's port as the Services before the gateway map it; the number itself where none does. */
function listeningPorts(proxy: ProxyClass, number: number): number[] {
  const mapped = proxy.view.mesh.servicesIn(proxy.namespace).flatMap((service) => {
    if (service.registry !== 'Kubernetes' || service.selector === undefined || !matchesLabels(service.selector, proxy.labels)) return [];
    return service.ports.flatMap((port) => {
      if (port.number !== number) return [];
      const target = typeof port.targetPort === 'number' ? port.targetPort : proxy.namedPorts[port.targetPort];
      return target === undefined ? [] : [target];
    });
  });
  return mapped.length === 0 ? [number] : [...new Set(mapped)];
}

/** The hosts of a server that objects of a namespace may bind to, without their `ns/` part. */
export function hostsFor(server: GatewayServer, namespace: string): string[] {
  return server.server.hosts.flatMap((text) => {
    const slash = text.indexOf('/');
    if (slash < 0) return [text];
    const wanted = text.slice(0, slash);
    const allowed = wanted === '*' || (wanted === '.' ? namespace === server.namespace : wanted === namespace);
    return allowed ? [text.slice(slash + 1)] : [];
  });
}

/** What both lists mean: of two hosts that overlap, the narrower. */
export function commonHosts(served: readonly string[], wanted: readonly string[]): string[] {
  const common = new Set<string>();
  for (const host of served) {
    for (const other of wanted) {
      if (coversHost(host, other)) common.add(other);
      else if (coversHost(other, host)) common.add(host);
    }
  }
  return [...common];
}

/** Server names to tell chains apart by; empty where the server takes every name. */
export function serverNames(server: GatewayServer): string[] {
  const hosts = server.server.hosts.map((text) => text.slice(text.indexOf('/') + 1));
  return hosts.includes('*') ? [] : [...new Set(hosts)].sort();
}

/** TLS that the proxy hands on unopened. */
export const isPassthrough = ({ server }: GatewayServer): boolean =>
  server.tls?.mode === 'PASSTHROUGH' || server.tls?.mode === 'AUTO_PASSTHROUGH';

/** TLS that ends here. */
export const terminatesTls = (server: GatewayServer): boolean =>
  server.server.tls !== undefined && !isPassthrough(server) && (server.protocol === 'HTTPS' || server.protocol === 'TLS');

/** The route table of an HTTP server. */
export function tableOf(server: GatewayServer): string {
  const bind = server.server.bind ? `.${server.server.bind}` : '';
  if (server.protocol !== 'HTTPS') return `http.${server.port}${bind}`;
  const { name, namespace } = server.object.metadata;
  return `https.${server.number}.${server.server.port.name}.${name}.${namespace}${bind}`;
}

