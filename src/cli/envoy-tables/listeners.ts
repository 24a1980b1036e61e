// Listeners as rows, one for each filter chain: what a connection must match, and then where it goes.

import type { FilterChain } from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Address, CidrRange } from '../../../gen/envoy/config/core/v3/address_pb.js';
import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import {
  HttpConnectionManagerSchema,
  type HttpConnectionManager,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { ConfigSchema } from '../../../gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { TcpProxySchema, type TcpProxy } from '../../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { connectionCluster } from '../../compile/demand/dialled.ts';
import { hasOriginalDestination, plainAddress } from '../../explain/listener.ts';
import { percentText } from '../../explain/passage.ts';
import { clusterWords } from '../../explain/plan/names.ts';
import { addressText } from '../../explain/request.ts';
import { typedConfig } from '../../explain/typed-config.ts';
import { compareText } from '../../lib/order.ts';
import { chainWords } from './chain-words.ts';
import { originText, type Row, type Shown, type Table } from './row.ts';

export const listeners: Table = {
  columns: [
    { name: 'Address' },
    { name: 'Port' },
    { name: 'Match' },
    { name: 'Destination' },
    { name: 'Listener' },
    { name: 'Origin' },
    { name: 'Direction', wide: true },
    { name: 'Filters', wide: true },
  ],
  filters: ['address', 'port', 'type', 'direction', 'name'],
  rows: (shown) =>
    shown.configuration.listeners
      .toSorted((a, b) => compareText(a.name, b.name))
      .flatMap((listener) => inTurn(listener).map((chain) => rowOf(chain, listener, shown))),
};

/** Those for a port of the workload before those for any other; what only keeps the proxy from calling itself comes last. */
function inTurn(listener: Listener): FilterChain[] {
  const own = listener.address && plainAddress(listener.address)?.port;
  const rank = ({ filterChainMatch: match }: FilterChain): number =>
    match?.destinationPort === undefined ? 65_536 : match.destinationPort === own ? 65_537 : match.destinationPort;
  return chainsOf(listener).toSorted((a, b) => rank(a) - rank(b));
}

/** The chain for what no other takes comes last. */
export const chainsOf = ({ filterChains, defaultFilterChain }: Listener): FilterChain[] => [
  ...filterChains,
  ...(defaultFilterChain === undefined ? [] : [defaultFilterChain]),
];

function rowOf(chain: FilterChain, listener: Listener, shown: Shown): Row {
  const own = [listener.address, ...listener.additionalAddresses.map(({ address }) => address)].flatMap((each) =>
    each === undefined ? [] : [placeOf(each)],
  );
  const { prefixRanges = [], destinationPort } = chain.filterChainMatch ?? {};
  const addresses = prefixRanges.length > 0 ? prefixRanges.map(rangeText) : own.map(({ address }) => address);
  const ownPorts = [...new Set(own.flatMap(({ port }) => port))];
  const port = destinationPort ?? (takesAnyPort(listener) ? 'any' : ownPorts.join(', '));
  const filters = filtersOf(chain);
  return {
    resource: listener.name,
    cells: [
      addresses.join(', '),
      String(port),
      chainWords(chain, listener),
      destinationText(chain),
      listener.name,
      originText(chain.metadata, shown) || originText(listener.metadata, shown),
      directions[listener.trafficDirection],
      filters.names.join(', '),
    ],
    facts: {
      address: [...addresses, ...own.map(({ address }) => address)],
      port: [...ownPorts, ...(destinationPort === undefined ? [] : [String(destinationPort)])],
      type: filters.http === undefined ? (filters.tcp === undefined ? [] : ['TCP']) : ['HTTP'],
      direction: [directions[listener.trafficDirection]],
      name: [listener.name],
    },
  };
}

/** What is redirected comes with the port that was dialled. */
const takesAnyPort = (listener: Listener): boolean => listener.useOriginalDst === true || hasOriginalDestination(listener);

const directions: Readonly<Record<TrafficDirection, string>> = {
  [TrafficDirection.UNSPECIFIED]: '',
  [TrafficDirection.INBOUND]: 'inbound',
  [TrafficDirection.OUTBOUND]: 'outbound',
};

/** Of what has no port, its name alone: a Unix socket's path, another listener of the same proxy. */
function placeOf(address: Address): { readonly address: string; readonly port: readonly string[] } {
  const plain = plainAddress(address);
  return {
    address: plain?.address ?? internalName(address),
    port: plain === undefined || plain.port === 0 ? [] : [String(plain.port)],
  };
}

function internalName({ address }: Address): string {
  const name = address.case === 'envoyInternalAddress' ? address.value.addressNameSpecifier : undefined;
  return name?.case === 'serverListenerName' ? name.value : '';
}

/** `10.0.0.1:80`, a Unix socket's path, or an internal listener's name. */
export function socketText(address: Address): string {
  const plain = plainAddress(address);
  return plain === undefined ? internalName(address) : addressText(plain);
}

/** A range of one address is that address. */
function rangeText({ addressPrefix, prefixLen }: CidrRange): string {
  const whole = addressPrefix.includes(':') ? 128 : 32;
  return prefixLen === undefined || prefixLen === whole ? addressPrefix : `${addressPrefix}/${prefixLen}`;
}

/** Where connections go whose address says which cluster they are for. */
export const dialledText = 'the service at that address, on demand';

interface Found {
  readonly names: readonly string[];
  readonly http: HttpConnectionManager | undefined;
  readonly tcp: TcpProxy | undefined;
  /** The address says where it goes. */
  readonly dialled: boolean;
}

function filtersOf({ filters }: FilterChain): Found {
  const configs = filters.map(({ configType }) => (configType.case === 'typedConfig' ? configType.value : undefined));
  const first = <Value>(values: readonly (Value | undefined)[]): Value | undefined => values.find((value) => value !== undefined);
  const http = first(configs.map((config) => typedConfig(HttpConnectionManagerSchema, config)));
  const short = (name: string): string => name.replace(/^envoy\.filters\.(?:network|http)\./, '');
  return {
    names: [...filters.map(({ name }) => short(name)), ...(http?.httpFilters ?? []).map(({ name }) => short(name))],
    http,
    tcp: first(configs.map((config) => typedConfig(TcpProxySchema, config))),
    dialled: configs
      .flatMap((config) => typedConfig(ConfigSchema, config)?.onNewConnection ?? [])
      .some(({ key }) => key.value === connectionCluster),
  };
}

function destinationText(chain: FilterChain): string {
  const { http, tcp, dialled, names } = filtersOf(chain);
  if (http !== undefined) {
    const { case: how, value } = http.routeSpecifier;
    if (how === 'rds') return `route table ${value.routeConfigName}`;
    return how === 'routeConfig' ? `route table ${value.name}` : 'routes by scope';
  }
  if (dialled) return dialledText;
  if (tcp === undefined) return names.join(', ');
  const { clusterSpecifier: target } = tcp;
  if (target.case !== 'weightedClusters') return clusterWords(target.value ?? '');
  const total = target.value.clusters.reduce((sum, { weight }) => sum + weight, 0);
  return target.value.clusters.map(({ name, weight }) => `${clusterWords(name)} ${percentText(weight / total)}`).join(', ');
}
