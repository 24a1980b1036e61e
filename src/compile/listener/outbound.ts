// The outbound listeners of a sidecar: one per HTTP port, one per address of TCP and detected services, and the one that
// catches what no other takes.

import type { ReadonlySignal } from '@preact/signals-core';
import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { httpFilters } from '../../filters/index.ts';
import { milliseconds } from '../../lib/duration.ts';
import { isHttp, isTls, type Protocol } from '../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { resource } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { blackHoleCluster, listenerName, passthroughCluster } from '../names.ts';
import { cause, originKey } from '../origin.ts';
import { pathText, refText } from '../../api/object.ts';
import type { Cause, Resource } from '../resource.ts';
import type { View } from '../view.ts';
import { cidrRange, filterChain, httpInspector, plainHttp, socketAddress, tlsInspector, type FilterChain } from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { tcpChains, type TcpChain } from './outbound-rules.ts';
import { tcpProxy } from './tcp-proxy.ts';

const anyAddress = '0.0.0.0';

/** A listener while services add to it: HTTP by one table, TCP by chains, and where the rest goes. */
interface Draft {
  readonly address: string;
  readonly port: number;
  /** The route table of what turns out to be HTTP. */
  table: string | undefined;
  protocol: Protocol;
  readonly chains: TcpChain[];
  readonly causes: Cause[];
}

export interface OutboundListeners {
  readonly listeners: ReadonlyMap<string, Resource>;
  /** The route tables they refer to, sorted. */
  readonly tables: readonly string[];
}

/** Every outbound listener that a view has. */
export function outboundListeners(view: View): OutboundListeners {
  const drafts = new Map<string, Draft>();
  const draft = (address: string, port: number, protocol: Protocol): Draft => {
    const name = listenerName(address, port);
    let found = drafts.get(name);
    if (found === undefined) drafts.set(name, (found = { address, port, table: undefined, protocol, chains: [], causes: [] }));
    return found;
  };
  for (const service of view.mesh.visibleServices(view.namespace)) {
    if (service.resolution === 'alias') continue;
    for (const port of service.ports) addPort(view, service, port, draft);
  }
  const { config } = view.mesh;
  const listeners = [...drafts.values()].map((made) => portListener(made, config));
  listeners.push(virtualOutbound(config));
  const tables = [...new Set([...drafts.values()].flatMap(({ table }) => table ?? []))].sort();
  return { listeners: new Map(listeners.map((listener) => [listener.name, listener])), tables };
}

type DraftAt = (address: string, port: number, protocol: Protocol) => Draft;

function addPort(view: View, service: Service, port: ServicePort, draft: DraftAt): void {
  const { protocol, number } = port;
  if (protocol === 'UDP') return;
  if (isHttp(protocol)) {
    const shared = draft(anyAddress, number, protocol);
    shared.table ??= String(number);
    shared.causes.push(cause(service.object));
    return;
  }
  for (const { address, subnets } of bindsOf(view, service, port)) {
    const listener = draft(address, number, protocol);
    const own = address !== anyAddress;
    // On an address of its own the first service wins; its detected HTTP has a table of its own.
    if (own && listener.chains.length > 0) continue;
    listener.causes.push(cause(service.object));
    if (protocol === 'Auto') listener.table ??= own ? `${service.host}:${number}` : String(number);
    for (const chain of tcpChains(view, service, port, subnets, !own)) addChain(listener, chain);
  }
}

/** Two chains that match the same connections cannot stand together: the older service's stays. */
function addChain(listener: Draft, chain: TcpChain): void {
  const same = (other: TcpChain) => other.serverNames.join() === chain.serverNames.join() && other.subnets.join() === chain.subnets.join();
  if (!listener.chains.some(same)) listener.chains.push(chain);
}

/** The addresses a TCP or detected port is called at. CIDRs share the port's common listener, told apart by chains. */
function bindsOf(view: View, service: Service, port: ServicePort): { address: string; subnets: string[] }[] {
  const cidrs = service.addresses.filter((address) => address.includes('/'));
  const single = service.addresses.filter((address) => !address.includes('/'));
  const binds = single.map((address) => ({ address, subnets: [] as string[] }));
  if (cidrs.length > 0) binds.push({ address: anyAddress, subnets: cidrs });
  if (binds.length > 0) return binds;
  if (service.resolution === 'original' && !isTls(port.protocol) && (service.registry === 'Kubernetes' || service.selector !== undefined)) {
    // A headless service is called by its pods' own addresses; one without pods needs no listener, and must not take the port.
    const addresses = new Set(view.mesh.endpoints(service, port.number).value.map(({ address }) => address));
    return [...addresses].filter((address) => /^[\d.]+$|:/.test(address)).map((address) => ({ address, subnets: [] }));
  }
  return [{ address: anyAddress, subnets: [] }];
}

interface ListenerInput {
  readonly draft: Draft;
  readonly config: MeshConfig;
}

const draftText = ({ draft, config }: ListenerInput): string =>
  `${identityOf(config)} ${draft.address}_${draft.port} ${draft.table ?? ''} ${draft.protocol} ${JSON.stringify(draft.chains)}`;

const listenerCells: (input: ListenerInput) => ReadonlySignal<Resource> = familyBy(draftText, ({ draft, config }) => {
  const name = listenerName(draft.address, draft.port);
  const fallback = draft.chains.find(({ serverNames, subnets }) => serverNames.length === 0 && subnets.length === 0);
  const matched = draft.chains.filter((chain) => chain !== fallback);
  const chains: FilterChain[] = matched.map((chain) => tcpFilterChain(chain, config));
  if (draft.table !== undefined) {
    chains.push(
      filterChain({
        match: plainHttp,
        filters: [
          httpConnectionManager({
            role: 'outbound',
            statPrefix: `outbound_${name};`,
            routes: { table: draft.table },
            filters: httpFilters({ role: 'outbound', protocol: draft.protocol, authorization: [] }),
            config,
            http10: false,
          }),
        ],
      }),
    );
  }
  const rest = fallback === undefined ? passthroughChain(config) : filterChain({ name: 'PassthroughFilterChain', filters: [proxyFor(fallback, config)] });
  const inspectTls = matched.some(({ serverNames }) => serverNames.length > 0) || draft.table !== undefined;
  const init: Init<typeof ListenerSchema> = {
    name,
    address: socketAddress(draft.address, draft.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    bindToPort: false,
    ...(chains.length > 0 ? { filterChains: chains, defaultFilterChain: rest } : { filterChains: [plainChain(rest)] }),
    listenerFilters: [...(inspectTls ? [tlsInspector] : []), ...(draft.table !== undefined ? [httpInspector] : [])],
    ...inspection(config, inspectTls),
  };
  return resource(ListenerSchema, name, init, draft.causes);
});

const portListener = (draft: Draft, config: MeshConfig): Resource => listenerCells({ draft, config }).value;

/** The only chain of a listener is no pass-through: it has no name. */
function plainChain({ name: _name, ...chain }: FilterChain): FilterChain {
  return chain;
}

/** How long inspection may take, and that a connection that shows nothing goes on as plain TCP. */
function inspection(config: MeshConfig, inspects: boolean): Init<typeof ListenerSchema> {
  if (!inspects) return {};
  return { listenerFiltersTimeout: duration(milliseconds(config.protocolDetectionTimeout)), continueOnListenerFiltersTimeout: true };
}

const proxyFor = ({ statPrefix, targets, idleTimeout, hashBySource }: TcpChain, config: MeshConfig) =>
  tcpProxy({ statPrefix, targets, config, idleTimeout, hashBySource });

function tcpFilterChain(chain: TcpChain, config: MeshConfig): FilterChain {
  const prefixRanges = chain.subnets.flatMap((subnet) => cidrRange(subnet) ?? []);
  const source = `${refText(chain.cause.object)}${chain.cause.path.length > 0 ? `#${pathText(chain.cause.path)}` : ''}`;
  return {
    ...filterChain({
      match: {
        ...(chain.serverNames.length > 0 && { serverNames: [...chain.serverNames].map(serverName), transportProtocol: 'tls' }),
        ...(prefixRanges.length > 0 && { prefixRanges }),
      },
      filters: [proxyFor(chain, config)],
    }),
    metadata: { filterMetadata: { [originKey]: { source } } },
  };
}

/** Every name: Envoy says that by an empty suffix. */
const serverName = (host: string): string => (host === '*' ? '' : host);

/** Where connections go that nobody declared. */
function passthroughTarget(config: MeshConfig): string {
  return config.outboundTrafficPolicy.mode === 'REGISTRY_ONLY' ? blackHoleCluster : passthroughCluster;
}

function passthroughChain(config: MeshConfig): FilterChain {
  const cluster = passthroughTarget(config);
  return filterChain({
    name: 'PassthroughFilterChain',
    filters: [tcpProxy({ statPrefix: cluster, targets: [{ cluster, weight: 100 }], config })],
  });
}

/** The listener that redirection feeds: it hands each connection to the listener of its destination, or takes it itself. */
const virtualOutbound = (config: MeshConfig): Resource => virtualOutboundCells(config).value;

const virtualOutboundCells = familyBy(
  (config: MeshConfig) => String(identityOf(config)),
  (config) => {
    const port = config.proxyListenPort;
    const rest = passthroughTarget(config);
    return resource(ListenerSchema, 'virtualOutbound', {
      name: 'virtualOutbound',
      address: socketAddress(anyAddress, port),
      trafficDirection: TrafficDirection.OUTBOUND,
      useOriginalDst: true,
      filterChains: [
        // A connection to the capture port itself would go round for ever.
        filterChain({
          name: 'virtualOutbound-blackhole',
          match: { destinationPort: port },
          filters: [tcpProxy({ statPrefix: blackHoleCluster, targets: [{ cluster: blackHoleCluster, weight: 100 }], config })],
        }),
        filterChain({
          name: 'virtualOutbound-catchall-tcp',
          filters: [tcpProxy({ statPrefix: rest, targets: [{ cluster: rest, weight: 100 }], config })],
        }),
      ],
    });
  },
);
