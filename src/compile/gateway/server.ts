// The servers that Gateways ask of a proxy, at the ports where its pod really listens; and what a server's fields mean.

import type { ApiObject, Path } from '../../api/object.ts';
import type { Server } from '../../api/gateway.ts';
import { coversHost } from '../../mesh/hostname.ts';
import { isHttp, protocolNamed, type Protocol } from '../../mesh/protocol.ts';
import { anyAddresses } from '../listener/chain.ts';
import { listenerName } from '../names.ts';
import { ownTargets, type OwnTarget } from '../own-ports.ts';
import type { ProxyClass } from '../proxy-class.ts';

export interface GatewayServer {
  /** `namespace/name`, as VirtualServices name it. */
  readonly gateway: string;
  readonly name: string;
  readonly namespace: string;
  /** The port that the Gateway and VirtualServices speak of. */
  readonly number: number;
  /** Where the proxy listens: a Service may map the former to it. */
  readonly port: number;
  readonly bind: string;
  readonly protocol: Protocol;
  /** By QUIC: HTTP/3 over UDP, at a port of its own kind. */
  readonly quic: boolean;
  /** `host`, or `namespace/host` where only rules of that namespace may bind to it. */
  readonly hosts: readonly string[];
  readonly server: Server;
  /** The Gateway or Ingress that asks, and where. */
  readonly object: ApiObject<unknown>;
  readonly path: Path;
}

/** Every server of every Gateway that selects the proxy, oldest Gateway first. */
export function askedServers(proxy: ProxyClass): GatewayServer[] {
  const { mesh } = proxy.view;
  const targetsOver = (over: 'tcp' | 'udp') =>
    ownTargets(mesh, proxy, over).filter(({ service }) => !(keepsPorts in service.labels));
  const targets = targetsOver('tcp');
  // A Service that says nothing of datagrams is for both.
  const ofDatagrams = [...targetsOver('udp'), ...targets];
  const [anyAddress = '0.0.0.0'] = anyAddresses(proxy.families);
  return mesh.gatewaysFor(proxy.labels).flatMap(({ name, namespace, servers, object }) =>
    servers.map(({ server, path }): GatewayServer => {
      const quic = server.port.protocol.toUpperCase() === 'HTTP3';
      return {
        gateway: `${namespace}/${name}`,
        name,
        namespace,
        number: server.port.number,
        port: listeningPort(quic ? ofDatagrams : targets, server.port.number),
        bind: server.bind || anyAddress,
        protocol: quic ? 'HTTPS' : (protocolNamed(server.port.protocol) ?? 'TCP'),
        quic,
        hosts: ownHosts(server.hosts, namespace),
        server,
        object,
        path,
      };
    }),
  );
}

/** What a server's listener is called: QUIC and TCP have ports of their own. */
export const listenerOf = ({ quic, bind, port }: GatewayServer): string => `${quic ? 'udp_' : ''}${listenerName(bind, port)}`;

/** Whether two servers would open one port. */
export const sharePort = (a: GatewayServer, b: GatewayServer): boolean => listenerOf(a) === listenerOf(b);

/** The label of a Service whose ports say nothing of where its gateway listens. */
const keepsPorts = 'experimental.istio.io/disable-gateway-port-translation';

/** A server's port as the oldest Service before the gateway maps it; the number itself where none does. */
const listeningPort = (targets: readonly OwnTarget[], number: number): number =>
  targets.find(({ port }) => port.number === number)?.target ?? number;

/** `./host` in its namespace, and `*` for every namespace, said plainly. */
function ownHosts(hosts: readonly string[], namespace: string): string[] {
  if (hosts.includes('*/*')) return ['*'];
  return hosts.map((text) => {
    const [from, host] = splitHost(text);
    const lower = host.toLowerCase();
    return from === undefined || from === '*' ? lower : `${from === '.' ? namespace : from}/${lower}`;
  });
}

function splitHost(text: string): [namespace: string | undefined, host: string] {
  const slash = text.indexOf('/');
  return slash < 0 ? [undefined, text] : [text.slice(0, slash), text.slice(slash + 1)];
}

/** The hosts of a server that objects of a namespace may bind to, without their `ns/` part. */
export function hostsFor(server: GatewayServer, namespace: string): string[] {
  return server.hosts.flatMap((text) => {
    const [wanted, host] = splitHost(text);
    return wanted === undefined || wanted === namespace ? [host] : [];
  });
}

/** What both lists mean: of two hosts that overlap, the narrower. */
export function commonHosts(served: readonly string[], wanted: readonly string[]): string[] {
  const common = new Set<string>();
  for (const host of served) {
    for (const other of wanted.map((name) => name.toLowerCase())) {
      if (coversHost(host, other)) common.add(other);
      else if (coversHost(other, host)) common.add(host);
    }
  }
  return [...common];
}

/** Server names to tell chains apart by; empty where the server takes every name. */
export function serverNames(server: GatewayServer): string[] {
  const hosts = server.hosts.map((text) => splitHost(text)[1]);
  return hosts.includes('*') ? [] : [...new Set(hosts)].sort();
}

/** TLS that the proxy hands on unopened: a mode that is not given is the enum's first. */
export const isPassthrough = (server: GatewayServer): boolean => {
  const { tls } = server.server;
  return tls !== undefined && ((tls.mode ?? 'PASSTHROUGH') === 'PASSTHROUGH' || isAutomatic(server));
};

/** Mutual TLS between workloads, handed on to where its server name says, without a rule. */
export const isAutomatic = ({ server }: GatewayServer): boolean => server.tls?.mode === 'AUTO_PASSTHROUGH';

/** TLS that ends here. */
export const terminatesTls = (server: GatewayServer): boolean =>
  server.server.tls !== undefined && !isPassthrough(server) && !isHttp(server.protocol);

/** A server whose requests follow a route table. */
export const hasTable = (server: GatewayServer): boolean =>
  isHttp(server.protocol) || (server.protocol === 'HTTPS' && terminatesTls(server));

/** The route table of an HTTP server. */
export function tableOf(server: GatewayServer): string {
  const bind = server.server.bind ? `.${server.server.bind}` : '';
  if (server.protocol !== 'HTTPS') return `http.${server.port}${bind}`;
  return `https.${server.number}.${server.server.port.name}.${server.name}.${server.namespace}${bind}`;
}
