// Where a request enters the proxy of a dump: nothing says which address a name has, so the dump's own names and chains are asked.

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { plainAddress } from '../../explain/listener.ts';
import { virtualHostFor } from '../../explain/domains.ts';
import type { HttpVersion, Request } from '../../explain/request.ts';
import { isIpAddress } from '../../lib/ip-range.ts';
import { requestFor, type Manner } from './ask.ts';
import type { Question } from './question.ts';
import { addressAt, waypointListener } from './waypoint-entry.ts';

/** An address that no service has, for names whose address the dump does not say. */
const unknown = '203.0.113.1';

type Asked = Exclude<Question, { readonly kind: 'dns' | 'happened' }>;

export function dumpEntry(
  question: Asked,
  configuration: ProxyConfiguration,
  manner: Manner,
  side: 'outbound' | 'inbound',
): Request {
  const { host, port } = question.kind === 'http' ? question.url : question;
  const isSidecar = configuration.listeners.some(
    ({ useOriginalDst, trafficDirection }) => useOriginalDst === true && trafficDirection !== TrafficDirection.INBOUND,
  );
  const source = {
    address: manner.sourceIp ?? (isSidecar ? (configuration.proxy?.address ?? '192.0.2.1') : '203.0.113.7'),
    ...(!isSidecar && manner.identity !== undefined && { identity: manner.identity }),
  };
  const waypoint = waypointListener(configuration);
  if (waypoint !== undefined) {
    const dialled = isIpAddress(host) ? host : (addressAt(waypoint, host, port) ?? unknown);
    return requestFor(question, { entry: { listener: waypoint.name }, address: dialled, port, source }, manner);
  }
  if (side === 'inbound') return arriving(question, manner, configuration.proxy?.address);
  if (!isSidecar) {
    const open = new Set(configuration.listeners.flatMap(({ address }) => (address && plainAddress(address)?.port) ?? []));
    const at = [port, port + 8000].find((each) => open.has(each)) ?? port;
    return requestFor(question, { entry: { port: at }, address: isIpAddress(host) ? host : unknown, port: at, source }, manner);
  }
  const address = isIpAddress(host) ? host : (addressOf(host, port, configuration) ?? unknown);
  return requestFor(question, { entry: 'outbound', address, port, source }, manner);
}

/** What sidecars announce to one another. */
export const meshAlpn = (version: HttpVersion): readonly string[] =>
  version === 'HTTP/2' ? ['istio-h2', 'istio', 'h2'] : ['istio-http/1.1', 'istio', 'http/1.1'];

/** A request as the sidecar of a caller sends it to this proxy's workload: over mutual TLS where the caller has an identity. */
function arriving(question: Asked, manner: Manner, own = '192.0.2.1'): Request {
  const { host, port } = question.kind === 'http' ? question.url : question;
  const source = { address: manner.sourceIp ?? '192.0.2.2', ...(manner.identity !== undefined && { identity: manner.identity }) };
  const made = requestFor(question, { entry: 'inbound', address: isIpAddress(host) ? host : own, port, source }, manner);
  if (manner.identity === undefined || made.tls !== undefined) return made;
  return {
    ...made,
    tls: { sni: manner.sni, alpn: manner.alpn ?? (made.kind === 'http' ? meshAlpn(manner.version) : ['istio']) },
  };
}

/** Istio's tables list a service's addresses beside its names; its listeners for bytes are named by them. */
function addressOf(host: string, port: number, configuration: ProxyConfiguration): string | undefined {
  const tables = configuration.routeNames().filter((name) => name === String(port) || name.endsWith(`:${port}`));
  for (const table of tables.flatMap((name) => configuration.route(name) ?? [])) {
    const chosen = virtualHostFor(table, host);
    if (chosen === undefined || chosen.domain === '*') continue;
    const listed = chosen.host.domains.map((domain) => domain.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')).find(isIpAddress);
    if (listed !== undefined) return listed;
  }
  const label = host.split('.').length === 1 ? `${host}.` : host;
  const own = configuration.listeners.find(
    ({ name, filterChains }) =>
      name.endsWith(`_${port}`) &&
      JSON.stringify(filterChains.map(({ name: chain, metadata }) => [chain, metadata])).includes(label),
  );
  const bound = own?.address && plainAddress(own.address)?.address;
  return bound === undefined || bound === '0.0.0.0' || bound === '::' ? undefined : bound;
}
