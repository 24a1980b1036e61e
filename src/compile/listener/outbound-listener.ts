// What services have put together for one address and port → Envoy's listener.

import type { ReadonlySignal } from '@preact/signals-core';
import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { dynamicServerName, type NameCache } from '../../filters/dynamic-names.ts';
import { httpFilters } from '../../filters/index.ts';
import { milliseconds } from '../../lib/duration.ts';
import { speaksFirst } from '../../mesh/protocol.ts';
import { familyBy } from '../../store/family.ts';
import { resource } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { nameCache } from '../name-cache.ts';
import { blackHoleCluster } from '../names.ts';
import { originKey } from '../origin.ts';
import type { Resource } from '../resource.ts';
import { listenerAccessLogs } from './access-log.ts';
import {
  cidrRange,
  filterChain,
  httpInspector,
  plainHttp,
  plainHttpWith10,
  socketAddress,
  tlsInspector,
  type FilterChain,
} from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { isQuiet } from '../proxy-headers.ts';
import { dialledChains } from '../demand/dialled.ts';
import { refusedReply } from '../demand/refused.ts';
import { demandClusters } from '../demand/source.ts';
import type { Draft } from './outbound.ts';
import type { TcpChain } from './outbound-rules.ts';
import { tcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { destinationService, viewText, type View } from '../view.ts';
import { undeclaredTarget } from './virtual-outbound.ts';

interface ListenerInput {
  readonly draft: Draft;
  readonly config: MeshConfig;
  readonly http10: boolean;
  readonly records: boolean;
  readonly rest: ReturnType<typeof undeclaredTarget>;
  readonly names: NameCache | undefined;
  /** Clusters may come when they are called. */
  readonly onDemand: boolean;
}

/** What every TCP proxy of a listener has. */
type Bytes = Pick<TcpProxy, 'config' | 'records'>;

/** The listener of a draft that is complete. */
export const portListener = (draft: Draft, view: View): Resource => {
  const { config, http10, records, canWait: onDemand } = view;
  const [rest, names] = [undeclaredTarget(view), namesFor(draft, view)];
  return cells({ draft, config, http10, records, rest, names, onDemand }).value;
};

/** Rules may lead from here to hosts that are looked up, whatever the listener is for. */
function namesFor({ dynamic, chains, table }: Draft, view: View): NameCache | undefined {
  const looks = dynamic || chains.some(({ dynamicPort }) => dynamicPort !== undefined);
  return looks || (table !== undefined && leadsToNames(view).value) ? nameCache(view.mesh.config, view.families) : undefined;
}

/** Whether a rule sends requests to a service whose hosts are looked up: from whatever port they come. */
const leadsToNames = familyBy(viewText, (view: View): boolean => {
  const names = lookedUpHosts(view).value;
  if (names.size === 0) return false;
  return view.mesh
    .sidecarRules(view)
    .some(({ http }) =>
      http.some(
        ({ action }) => action.kind === 'forward' && action.destinations.some(({ destination }) => names.has(destination.host)),
      ),
    );
});

/** What those services are called; most meshes have none. */
const lookedUpHosts = familyBy(
  viewText,
  (view: View): ReadonlySet<string> =>
    new Set(
      view.mesh
        .visibleServices(view)
        .filter(({ host, resolution }) =>
          resolution === 'alias' ? destinationService(view, host)?.resolution === 'dynamic' : resolution === 'dynamic',
        )
        .map(({ host }) => host),
    ),
);

const draftText = ({ draft, config, http10, records, rest, names, onDemand }: ListenerInput): string => {
  const { addresses, port, table = '', protocol, chains, byAddress } = draft;
  return `${identityOf(config)} ${addresses.join()}_${port} ${table} ${protocol} ${http10} ${records} ${rest.statPrefix} ${draft.dialled} ${names?.name} ${onDemand} ${JSON.stringify([chains, byAddress])}`;
};

const cells: (input: ListenerInput) => ReadonlySignal<Resource> = familyBy(
  draftText,
  ({ draft, config, http10, records, rest: undeclared, names, onDemand }) => {
    const bytes = { config, records: records ? ('outbound' as const) : undefined };
    const { name, port, addresses, table, protocol, byAddress } = draft;
    const [address = '', ...others] = addresses;
    const fallback = draft.chains.find(({ serverNames, subnets }) => serverNames.length === 0 && subnets.length === 0);
    const matched = draft.chains.filter((chain) => chain !== fallback);
    const chains = matched.map((chain) => tcpFilterChain(chain, bytes, names, onDemand));
    if (table !== undefined) {
      const manager = httpConnectionManager({
        role: 'outbound',
        statPrefix: `outbound_${name};`,
        routes: { table },
        filters: httpFilters({
          role: 'outbound',
          protocol,
          authorization: [],
          names,
          quiet: isQuiet(config),
          onDemand: onDemand ? demandClusters : undefined,
        }),
        config,
        records,
        http10,
        ...(onDemand && undeclared.statPrefix === blackHoleCluster && { replies: refusedReply }),
      });
      chains.push(filterChain({ match: http10 ? plainHttpWith10 : plainHttp, filters: [manager] }));
    }
    if (byAddress !== undefined) chains.push(...dialledChains(byAddress, { name, port, config, http10, records }));
    const rest = restChain(fallback, bytes, undeclared, onDemand);
    const inspectsHttp = table !== undefined || byAddress?.kind === 'detected';
    const inspectsTls = matched.some(({ serverNames }) => serverNames.length > 0) || inspectsHttp;
    return resource(
      ListenerSchema,
      name,
      {
        name,
        address: socketAddress(address, port),
        ...(others.length > 0 && { additionalAddresses: others.map((other) => ({ address: socketAddress(other, port) })) }),
        trafficDirection: TrafficDirection.OUTBOUND,
        accessLog: listenerAccessLogs(config),
        ...(!draft.dialled && { bindToPort: false }),
        ...(chains.length > 0 ? { filterChains: chains, defaultFilterChain: rest } : { filterChains: [nameless(rest)] }),
        listenerFilters: [...(inspectsTls ? [tlsInspector] : []), ...(inspectsHttp ? [httpInspector] : [])],
        ...inspection(config, inspectsTls, byAddress?.kind === 'detected' ? longestLook : shortLookAt(port)),
      },
      [...draft.causes, ...draft.chains.map(({ cause }) => cause)],
    );
  },
);

/** The only chain of a listener passes nothing on: it has no name. */
const nameless = ({ name: _name, ...chain }: FilterChain): FilterChain => chain;

/**
 * How long inspection may take, and that a connection that shows nothing goes on as plain TCP. With Istio's default of no limit
 * (0 s), a connection where the server speaks first waits until its client gives up: such ports must be declared.
 */
function inspection(config: MeshConfig, inspects: boolean, atMost: number): Init<typeof ListenerSchema> {
  if (!inspects) return {};
  const limit = milliseconds(config.protocolDetectionTimeout);
  return { listenerFiltersTimeout: duration(limit === 0 ? atMost : limit), continueOnListenerFiltersTimeout: true };
}

/** Milliseconds: where addresses of nobody are looked into as well, none may wait for ever. */
const longestLook = 5000;

/** One service that declares HTTP on a port known for servers that speak first must not keep callers from all others there. 0: no limit. */
const shortLookAt = (port: number): number => (speaksFirst(port) ? 1000 : 0);

function tcpFilterChain(chain: TcpChain, bytes: Bytes, names: NameCache | undefined, onDemand: boolean): FilterChain {
  const prefixRanges = chain.subnets.flatMap((subnet) => cidrRange(subnet) ?? []);
  return {
    ...filterChain({
      match: {
        ...(prefixRanges.length > 0 && { prefixRanges }),
        ...(chain.serverNames.length > 0 && { serverNames: [...chain.serverNames] }),
      },
      filters: [
        ...(names !== undefined && chain.dynamicPort !== undefined ? [dynamicServerName(names, chain.dynamicPort)] : []),
        tcpProxy({ ...chain, ...bytes, onDemand }),
      ],
    }),
    metadata: originOf(chain),
  };
}

const originOf = ({ source }: TcpChain): NonNullable<FilterChain['metadata']> => ({
  filterMetadata: { [originKey]: { source } },
});

/** Where connections go that no chain is for: to the service that takes all, else where their caller dialled. */
function restChain(
  fallback: TcpChain | undefined,
  bytes: Bytes,
  undeclared: ListenerInput['rest'],
  onDemand: boolean,
): FilterChain {
  const name = 'PassthroughFilterChain';
  if (fallback !== undefined) {
    return { ...filterChain({ name, filters: [tcpProxy({ ...fallback, ...bytes, onDemand })] }), metadata: originOf(fallback) };
  }
  return filterChain({ name, filters: [tcpProxy({ ...undeclared, ...bytes })] });
}
