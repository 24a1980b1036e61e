// virtualInbound: the listener before an application. For each port that a service leads to, and for all others together, a chain
// per way a connection can arrive (istio.md §3.4). And the listeners that a Sidecar has opened beside it.

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
import { serverSocket } from '../gateway/tls.ts';
import { meshServerSocket, type FileReader } from '../tls.ts';
import { inboundRoutes } from '../route/inbound.ts';
import { listenerAccessLogs } from './access-log.ts';
import { refusedLoggers } from './access-record.ts';
import { anyAddresses, filterChain, originalDestination, originalSource, socketAddress, type FilterChain } from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { chainKinds, endingKinds, type ChainProtocol } from './inbound-chains.ts';
import { inspectors } from './inspection.ts';
import { isQuiet } from '../proxy-headers.ts';
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
  /** The agent takes access records. */
  readonly records: boolean;
  readonly files: FileReader;
  readonly families: AddressFamilies;
  /** Traffic is redirected to it. */
  readonly captured: boolean;
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

/** virtualInbound, unless nothing is redirected to the proxy, and each listener that a Sidecar has opened. */
export const inboundListeners = (input: InboundInput): Resource[] => [
  ...(input.captured ? [virtualInbound(input)] : []),
  ...input.ports.flatMap((own) => (own.ingress?.opened === undefined ? [] : [openedListener(own, own.ingress.opened, input)])),
];

function virtualInbound(input: InboundInput): Resource {
  const { config, families, transparent } = input;
  const capture = config.proxyInboundListenPort;
  // A connection to the capture port itself would go round for ever.
  const blackHole = filterChain({
    name: 'virtualInbound-blackhole',
    match: { destinationPort: capture },
    filters: [bytesTo(blackHoleCluster, input)],
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
      ...(transparent && { transparent: true }),
      ...shared(chains, input),
      listenerFilters: [originalDestination, ...(transparent ? [originalSource] : []), ...inspectors(chains)],
    },
    input.causes,
  );
}

function openedListener(own: OwnPort, address: string, input: InboundInput): Resource {
  const name = listenerName(address, own.target);
  const chains = targetChains(ownTarget(own, input), input);
  return resource(
    ListenerSchema,
    name,
    {
      name,
      address: socketAddress(address, own.target),
      ...shared(chains, input),
      listenerFilters: inspectors(chains),
    },
    input.causes,
  );
}

const shared = (chains: FilterChain[], { config, records }: InboundInput) => ({
  trafficDirection: TrafficDirection.INBOUND,
  accessLog: [...listenerAccessLogs(config), ...refusedLoggers(records ? 'inbound' : undefined)],
  filterChains: chains,
  listenerFiltersTimeout: duration(milliseconds(config.protocolDetectionTimeout)),
  continueOnListenerFiltersTimeout: true,
});

function targetsOf(input: InboundInput): Target[] {
  const { ports, otherPorts, modeAt, modeElsewhere } = input;
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
    ...ports.filter(({ ingress }) => ingress?.opened === undefined).map((own) => ownTarget(own, input)),
  ];
}

const ownTarget = (own: OwnPort, { modeAt }: InboundInput): Target => ({
  port: own.target,
  protocol: isHttp(own.protocol) ? 'http' : own.protocol === 'Auto' ? 'auto' : 'tcp',
  serviceProtocol: own.protocol,
  cluster: inboundCluster(own.target),
  mode: modeAt(own.target),
  own,
});

function targetChains(target: Target, input: InboundInput): FilterChain[] {
  const { port, own, mode } = target;
  const service = own?.services[0]?.service.object;
  const origin = mode.cause ?? own?.ingress ?? (service && { object: service, path: [] });
  const tls = own?.ingress?.tls;
  const kinds = tls === undefined ? chainKinds(mode.mode, target.protocol) : endingKinds(target.protocol);
  return kinds.map(({ match, codec, mutualTls }) =>
    filterChain({
      name: own === undefined ? (codec === 'http' ? 'virtualInbound-catchall-http' : 'virtualInbound') : portName(own, input),
      match: { ...(port !== undefined && { destinationPort: port }), ...match },
      filters: codec === 'http' ? httpChain(target, input) : tcpChain(target, input),
      ...(mutualTls && { socket: meshServerSocket(input.config) }),
      ...(tls !== undefined && { socket: serverSocket(tls, input.config, input.files) }),
      origin: origin && { object: origin.object, path: origin.path },
    }),
  );
}

const portName = ({ target, ingress }: OwnPort, { families }: InboundInput): string =>
  listenerName(ingress?.opened ?? (ingress?.bind || (anyAddresses(families)[0] ?? '0.0.0.0')), target);

function httpChain(target: Target, input: InboundInput): NamedFilter[] {
  const { own } = target;
  return [
    httpConnectionManager({
      role: 'inbound',
      statPrefix: own === undefined ? `${inboundPassthroughCluster};` : `inbound_${portName(own, input)};`,
      routes: { inline: inboundRoutes(target.cluster, own, input.config) },
      filters: httpFilters({
        role: 'inbound',
        protocol: target.serviceProtocol,
        authorization: input.httpAuthorization,
        quiet: isQuiet(input.config),
      }),
      config: input.config,
      records: input.records,
      http10: input.http10,
    }),
  ];
}

const tcpChain = ({ cluster }: Target, input: InboundInput): NamedFilter[] => [
  ...input.tcpAuthorization,
  bytesTo(cluster, input),
];

const bytesTo = (cluster: string, { config, records }: InboundInput): NamedFilter =>
  tcpProxy({
    statPrefix: cluster,
    targets: [{ cluster, weight: 100 }],
    config,
    records: records ? 'inbound' : undefined,
  });
