// The gateways between networks: who takes connections from other networks in, and which of them a caller uses for an endpoint.

import type { MeshNetworks } from '../api/mesh-networks.ts';
import { isIpAddress } from '../lib/ip-range.ts';
import { compareText } from '../lib/order.ts';
import type { Cluster } from './cluster.ts';
import type { NetworkGateway } from './gateway-service.ts';

export interface NetworkGateways {
  /** Whether there are networks at all: without a gateway everyone reaches everyone. */
  readonly any: boolean;
  /** By how much endpoints' weights are multiplied, so that each can be shared evenly among its gateways. */
  readonly scale: number;
  /** The gateways to an endpoint: its cluster's own, else all of its network; none where it is reached directly. */
  readonly to: (network: string, cluster: string) => readonly NetworkGateway[];
}

/** Those that MeshNetworks gives an address; others are Services. */
const writtenGateways = (networks: MeshNetworks): NetworkGateway[] =>
  Object.entries(networks).flatMap(([network, { gateways }]) =>
    (gateways ?? []).flatMap(({ address, port }) => (address ? [{ network, cluster: '', address, port: port ?? 0 }] : [])),
  );

/** All gateways of a mesh, those given by host name too. Reads the clusters' Services and Nodes. */
export const meshGateways = (networks: MeshNetworks, clusters: Iterable<Cluster>): NetworkGateway[] => [
  ...writtenGateways(networks),
  ...[...clusters].flatMap((cluster) => cluster.gateways().flatMap((service) => service.gateways)),
];

/** Endpoints that are listed have addresses; only DNS clusters can hold names. */
export const byAddress = (gateways: readonly NetworkGateway[]): NetworkGateway[] =>
  gateways.filter(({ address }) => isIpAddress(address));

const text = ({ network, cluster, address, port }: NetworkGateway): string => [network, cluster, address, port].join(' ');

/** By address and port. */
export const byPlace = (a: NetworkGateway, b: NetworkGateway): number =>
  compareText(a.address, b.address) || a.port - b.port || compareText(text(a), text(b));

/** Gateways found by network. Equal ones count once; their order is that of their addresses. */
export function networkGateways(given: readonly NetworkGateway[]): NetworkGateways {
  const all = [...new Map(given.map((gateway) => [text(gateway), gateway])).values()].sort(byPlace);
  const byNetwork = Map.groupBy(all, ({ network }) => network);
  const byCluster = Map.groupBy(all, ({ network, cluster }) => `${network} ${cluster}`);
  const counts = [...byNetwork.values(), ...byCluster.values()].map(({ length }) => length);
  return {
    any: all.length > 0,
    scale: counts.reduce((common, count) => (common * count) / commonDivisor(common, count), 1),
    to: (network, cluster) => byCluster.get(`${network} ${cluster}`) ?? byNetwork.get(network) ?? [],
  };
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
