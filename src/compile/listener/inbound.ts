// The inbound listener of a sidecar: for each port of the workload a set of chains that tells mutual TLS, the application's own
// TLS, plain HTTP and plain TCP apart, as its authentication policy allows (istio.md §3.4).

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { duration } from '../../filters/duration.ts';
import { httpFilters } from '../../filters/index.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { ModeDecision, MutualTlsMode } from '../../mesh/authentication.ts';
import { isHttp, type Protocol } from '../../mesh/protocol.ts';
import { resource } from '../encode.ts';
import { blackHoleCluster, inboundCluster, inboundPassthroughCluster, listenerName } from '../names.ts';
import type { OwnPort } from '../own-ports.ts';
import type { Cause, Resource } from '../resource.ts';
import { meshServerSocket } from '../tls.ts';
import { inboundRoutes } from '../route/inbound.ts';
import { exceptPorts, filterChain, httpInspector, originalDestination, socketAddress, tlsInspector, type ChainInput, type FilterChain, type FilterChainMatch } from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { tcpProxy } from './tcp-proxy.ts';

export interface InboundInput {
  readonly config: MeshConfig;
  readonly ports: readonly OwnPort[];
  /** The mode of each port that has one of its own, and of all others. */
  readonly modeAt: (port: number) => ModeDecision;
  /** Ports that only an authentication policy names. */
  readonly otherPorts: readonly number[];
  readonly modeElsewhere: ModeDecision;
  /** Authorization, as filters for HTTP and for TCP chains. */
  readonly httpAuthorization: readonly NamedFilter[];
  readonly tcpAuthorization: readonly NamedFilter[];
  readonly http10: boolean;
  readonly causes: readonly Cause[];
}

/** A port of the workload, or all ports that nothing else takes. */
interface Target {
  readonly port: number | undefined;
  readonly protocol: 'http' | 'tcp' | 'auto';
  readonly serviceProtocol: Protocol;
  readonly cluster: string;
  readonly mode: ModeDecision;
  readonly own: OwnPort | undefined;
}

const httpNames = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const tcpNames = ['istio-peer-exchange', 'istio'];
const plainNames = ['http/1.1', 'h2c'];

interface ChainKind {
  readonly match: FilterChainMatch;
  readonly codec: 'http' | 'tcp';
  readonly mutualTls: boolean;
}

/** The chains of a port, in Istio's order, for its mode and what it speaks. */
function chainKinds(mode: MutualTlsMode, protocol: Target['protocol']): ChainKind[] {
  const tls = (names: readonly string[], codec: ChainKind['codec'], mutualTls: boolean): ChainKind => ({
    match: { transportProtocol: 'tls', ...(names.length > 0 && { applicationProtocols: [...names] }) },
    codec,
    mutualTls,
  });
  const plain = (names: readonly string[], codec: ChainKind['codec']): ChainKind => ({
    match: { transportProtocol: 'raw_buffer', ...(names.length > 0 && { applicationProtocols: [...names] }) },
    codec,
    mutualTls: false,
  });
  const every = (codec: ChainKind['codec']): ChainKind => ({ match: {}, codec, mutualTls: false });
  switch (mode) {
    case 'PERMISSIVE':
      if (protocol === 'auto') {
        return [tls(httpNames, 'http', true), plain(plainNames, 'http'), tls(tcpNames, 'tcp', true), plain([], 'tcp'), tls([], 'tcp', false)];
      }
      if (protocol === 'http') return [tls([...tcpNames, ...httpNames], 'http', true), plain([], 'http')];
      return [tls([...tcpNames, ...httpNames], 'tcp', true), tls([], 'tcp', false), plain([], 'tcp')];
    case 'STRICT':
      if (protocol === 'auto') return [tls(httpNames, 'http', true), tls([], 'tcp', true)];
      return [tls([], protocol, true)];
    case 'DISABLE':
      if (protocol === 'auto') return [plain(plainNames, 'http'), every('tcp')];
      return [every(protocol)];
  }
}

export function inboundListener(input: InboundInput): Resource {
  const { config } = input;
  const capture = config.proxyInboundListenPort;
  const chains: FilterChain[] = [
    filterChain({
      name: 'virtualInbound-blackhole',
      match: { destinationPort: capture },
      filters: [tcpProxy({ statPrefix: blackHoleCluster, targets: [{ cluster: blackHoleCluster, weight: 100 }], config })],
    }),
  ];
  const passthrough = (port: number | undefined, mode: ModeDecision): Target => ({
    port,
    protocol: 'auto',
    serviceProtocol: 'Auto',
    cluster: inboundPassthroughCluster,
    mode,
    own: undefined,
  });
  const targets: Target[] = [
    passthrough(undefined, input.modeElsewhere),
    ...input.otherPorts.map((port) => passthrough(port, input.modeAt(port))),
    ...input.ports.map(
      (own): Target => ({
        port: own.target,
        protocol: isHttp(own.protocol) ? 'http' : own.protocol === 'Auto' ? 'auto' : 'tcp',
        serviceProtocol: own.protocol,
        cluster: inboundCluster(own.target),
        mode: input.modeAt(own.target),
        own,
      }),
    ),
  ];
  for (const target of targets) chains.push(...targetChains(target, input));

  // Inspection only where some chain asks what it would find: a server that speaks first waits for it in vain.
  const neverTls = targets.filter(({ mode, port }) => mode.mode === 'DISABLE' && port !== undefined).flatMap(({ port }) => port ?? []);
  const neverHttp = targets.filter(({ protocol, port }) => protocol !== 'auto' && port !== undefined).flatMap(({ port }) => port ?? []);
  return resource(
    ListenerSchema,
    'virtualInbound',
    {
      name: 'virtualInbound',
      address: socketAddress('0.0.0.0', capture),
      trafficDirection: TrafficDirection.INBOUND,
      filterChains: chains,
      listenerFilters: [originalDestination, exceptPorts(tlsInspector, neverTls), exceptPorts(httpInspector, neverHttp)],
      listenerFiltersTimeout: duration(milliseconds(config.protocolDetectionTimeout)),
      continueOnListenerFiltersTimeout: true,
    },
    input.causes,
  );
}

function targetChains(target: Target, input: InboundInput): FilterChain[] {
  const { port, own, mode } = target;
  const service = own?.services[0]?.service.object;
  const origin = mode.cause ?? (service && { object: service, path: [] });
  return chainKinds(mode.mode, target.protocol).map(({ match, codec, mutualTls }) => {
    const chain: ChainInput = {
      name: port === undefined || own === undefined ? (codec === 'http' ? 'virtualInbound-catchall-http' : 'virtualInbound') : listenerName('0.0.0.0', port),
      match: { ...(port !== undefined && { destinationPort: port }), ...match },
      filters: codec === 'http' ? httpChain(target, input) : tcpChain(target, input),
      ...(mutualTls && { socket: meshServerSocket(input.config) }),
      origin,
    };
    return filterChain(chain);
  });
}

const statPrefix = ({ port, own }: Target): string => (port === undefined || own === undefined ? 'InboundPassthroughCluster' : `inbound_0.0.0.0_${port};`);

function httpChain(target: Target, input: InboundInput): NamedFilter[] {
  return [
    httpConnectionManager({
      role: 'inbound',
      statPrefix: statPrefix(target),
      routes: { inline: inboundRoutes(target.cluster, target.own, input.config) },
      filters: httpFilters({ role: 'inbound', protocol: target.serviceProtocol, authorization: input.httpAuthorization }),
      config: input.config,
      http10: input.http10,
    }),
  ];
}

function tcpChain({ cluster }: Target, { config, tcpAuthorization }: InboundInput): NamedFilter[] {
  return [...tcpAuthorization, tcpProxy({ statPrefix: cluster, targets: [{ cluster, weight: 100 }], config })];
}

