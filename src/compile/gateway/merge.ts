// Which of a proxy's servers can stand together: on one port all speak HTTP, or all begin with TLS and differ by host. The older
// keeps the place; the other is left out and says so.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import { pathText, refOf, refText } from '../../api/object.ts';
import { isHttp } from '../../mesh/protocol.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { askedServers, hasTable, sharePort, tableOf, type GatewayServer } from './server.ts';

export interface GatewayServers {
  /** Oldest Gateway first. */
  readonly servers: readonly GatewayServer[];
  readonly diagnostics: readonly Diagnostic[];
}

type Refusal = Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'>;

export function serversOf(proxy: ProxyClass): GatewayServers {
  const servers: GatewayServer[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const server of askedServers(proxy)) {
    const refusal = unserved(server, proxy) ?? conflict(server, servers);
    if (refusal === undefined) servers.push(server);
    else diagnostics.push(diagnose(server.object, server.path, refusal));
  }
  return { servers, diagnostics };
}

function unserved(server: GatewayServer, proxy: ProxyClass): Refusal | undefined {
  if (proxy.unprivileged && server.port < 1024 && !server.bind.startsWith('unix:')) {
    return {
      code: 'LAT0204',
      severity: 'warning',
      message: `port ${server.port} cannot be opened by a gateway without privileges: the server is left out`,
      help: 'map the port to one above 1023 by the Service before the gateway',
    };
  }
  const { mode = 'PASSTHROUGH' } = server.server.tls ?? {};
  if (!server.quic || mode === 'SIMPLE' || mode === 'MUTUAL') return undefined;
  return {
    code: 'LAT0212',
    severity: 'error',
    message: `HTTP/3 cannot be served with TLS in mode ${mode}: the server is left out`,
    help: 'set the mode to SIMPLE or MUTUAL',
  };
}

type Kind = 'HTTP' | 'TLS' | 'TCP';

const kindOf = ({ protocol, server }: GatewayServer): Kind =>
  isHttp(protocol) ? 'HTTP' : server.tls === undefined ? 'TCP' : 'TLS';

function conflict(server: GatewayServer, kept: readonly GatewayServer[]): Refusal | undefined {
  const beside = kept.filter((other) => sharePort(other, server));
  const [first] = beside;
  if (first === undefined) return undefined;
  const kind = kindOf(server);
  if (kindOf(first) !== kind || kind === 'TCP') {
    return {
      code: 'LAT0201',
      severity: 'error',
      message: `port ${server.port} is taken for ${first.server.port.protocol} by ${placeOf(first)}: this server is left out`,
      help: 'give it a port of its own, or the same protocol with other hosts',
    };
  }
  // HTTP servers share hosts; by TLS a connection is told apart by its server name alone, and a redirect is for all of a host.
  const rival =
    server.server.tls &&
    beside.find((other) => other.server.tls !== undefined && other.hosts.some((host) => server.hosts.includes(host)));
  if (rival) {
    const host = rival.hosts.find((name) => server.hosts.includes(name));
    return {
      code: 'LAT0202',
      severity: 'error',
      message: `host ${host} on port ${server.port} is taken by ${placeOf(rival)}: this server is left out`,
      help: 'give each server hosts of its own',
    };
  }
  const twin =
    kind === 'TLS' && hasTable(server)
      ? beside.find((other) => hasTable(other) && tableOf(other) === tableOf(server))
      : undefined;
  return (
    twin && {
      code: 'LAT0202',
      severity: 'error',
      message: `the port's name is taken by ${placeOf(twin)}: this server is left out`,
      help: 'give each server a port name of its own',
    }
  );
}

/** `Gateway/default/web spec.servers[0]`. */
const placeOf = ({ object, path }: GatewayServer): string => `${refText(refOf(object))} ${pathText(path)}`;
