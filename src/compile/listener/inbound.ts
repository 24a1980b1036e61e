// virtualInbound: the listener before an application. For each port that a service leads to, and for all others together, a chain
// per way a connection can arrive (istio.md §3.4).

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { NamedFilter } from '../../filters/filter.ts';
import { duration } from '../../filters/duration.ts';
import { httpFilters } from '../../filters/index.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { ModeDecision } from '../../mesh/authentication.ts';
import { isHttp, type Protocol } from '../../mesh/protocol.ts';
import { resource } from '../encode.ts';
import { blackHoleCluster, inboundCluster, inboundPassthroughCluster, listenerName } from '../names.ts';
import type { AddressFamilies } from '../node.ts';
import type { OwnPort } from '../own-ports.ts';
import type { Cause, Resource } from '../resource.ts';
import { meshServerSocket } from '../tls.ts';
import { inboundRoutes } from '../route/inbound.ts';
import { anyAddresses, filterChain, originalDestination, originalSource, socketAddress, type FilterChain } from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { chainKinds, type ChainProtocol } from './inbound-chains.ts';
import { inspectors } from './inspection.ts';
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
  readonly families: AddressFamilies;
  /** The application sees its callers' own addresses (TPROXY). */
  readonly transparent: boolean;
  readonly causes: readonly Cause[];
}

/** A port of the workload, or all ports that nothing else takes. */
interface Target {
  readonly port: number | undefined;
  readonly protocol: ChainProtocol;
  readonly serviceProtocol: Protocol;
  readonly cluster: string;
  readonly mode: ModeDecision;
  readonly own: OwnPort | undefined;
}

export function inboundListener(input: InboundInput): Resource {
  const { config, families, transparent } = input;
  const capture = config.proxyInboundListenPort;
  // A connection to the capture port itself would go round for ever.
  const blackHole = filterChain({
    name: 'virtualInbound-blackhole',
    match: { destinationPort: capture },
    filters: [tcpProxy({ statPrefix: blackHoleCluster, targets: [{ cluster: blackHoleCluster, weight: 100 }], config })],
  });
  const chains = [blackHole, ...targetsOf(input).flatMap((target) => targetChains(target, input))];
  const [address = '0.0.0.0', ...others] = anyAddresses(families);
  return resource(
    ListenerSchema,
    'virtualInbound',
    {
      name: 'virtualInbound',
      address: socketAddress(address, capture),
      ...(others.length > 0 && { additionalAddresses: others.map((other) => ({ address: socketAddress(other, capture) })) }),
      trafficDirection: TrafficDirection.INBOUND,
      ...(transparent && { transparent: true }),
      filterChains: chains,
      listenerFilters: [originalDestination, ...(transparent ? [originalSource] : []), ...inspectors(chains)],
      listenerFiltersTimeout: duration(milliseconds(config.protocolDetectionTimeout)),
      continueOnListenerFiltersTimeout: true,
    },
    input.causes,
  );
}

function targetsOf({ ports, otherPorts, modeAt, modeElsewhere }: InboundInput): Target[] {
  const passthrough = (port: number | undefined, mode: ModeDecision): Target => ({
    port,
    protocol: 'auto',
    serviceProtocol: 'Auto',
    cluster: inboundPassthroughCluster,
    mode,
    own: undefined,
  });
  return [
    passthrough(undefined, modeElsewhere),
    ...otherPorts.map((port) => passthrough(port, modeAt(port))),
    ...ports.map((own): Target => ({
      port: own.target,
      protocol: isHttp(own.protocol) ? 'http' : own.protocol === 'Auto' ? 'auto' : 'tcp',
      serviceProtocol: own.protocol,
      cluster: inboundCluster(own.target),
      mode: modeAt(own.target),
      own,
    })),
  ];
}

function targetChains(target: Target, input: InboundInput): FilterChain[] {
  const { port, own, mode } = target;
  const service = own?.services[0]?.service.object;
  const origin = mode.cause ?? (service && { object: service, path: [] });
  return chainKinds(mode.mode, target.protocol).map(({ match, codec, mutualTls }) =>
    filterChain({
      name:
        own === undefined ? (codec === 'http' ? 'virtualInbound-catchall-http' : 'virtualInbound') : portName(own.target, input),
      match: { ...(port !== undefined && { destinationPort: port }), ...match },
      filters: codec === 'http' ? httpChain(target, input) : tcpChain(target, input),
      ...(mutualTls && { socket: meshServerSocket(input.config) }),
      origin,
    }),
  );
}

const portName = (port: number, { families }: InboundInput): string => listenerName(anyAddresses(families)[0] ?? '0.0.0.0', port);

function httpChain(target: Target, input: InboundInput): NamedFilter[] {
  const { own } = target;
  return [
    httpConnectionManager({
      role: 'inbound',
      statPrefix: own === undefined ? `${inboundPassthroughCluster};` : `inbound_${portName(own.target, input)};`,
      routes: { inline: inboundRoutes(target.cluster, own, input.config) },
      filters: httpFilters({ role: 'inbound', protocol: target.serviceProtocol, authorization: input.httpAuthorization }),
      config: input.config,
      http10: input.http10,
    }),
  ];
}

function tcpChain({ cluster }: Target, { config, tcpAuthorization }: InboundInput): NamedFilter[] {
  return [...tcpAuthorization, tcpProxy({ statPrefix: cluster, targets: [{ cluster, weight: 100 }], config })];
}
