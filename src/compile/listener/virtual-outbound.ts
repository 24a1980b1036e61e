// virtualOutbound: the listener that redirection feeds. It hands each connection to the listener of its destination, or takes it
// itself.

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import type { Init } from '../../filters/any.ts';
import { duration } from '../../filters/duration.ts';
import { httpFilters } from '../../filters/index.ts';
import { milliseconds } from '../../lib/duration.ts';
import { familyBy } from '../../store/family.ts';
import { resource } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { nameCache } from '../name-cache.ts';
import { blackHoleCluster, lookedUpCluster } from '../names.ts';
import type { AddressFamilies } from '../node.ts';
import type { Resource } from '../resource.ts';
import { lookedUpHost, lookedUpName } from '../route/catch-all.ts';
import { familiesText, undeclaredCluster, type View } from '../view.ts';
import { listenerAccessLogs } from './access-log.ts';
import { anyAddresses, filterChain, httpInspector, plainHttp, socketAddress, tlsInspector } from './chain.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { isQuiet } from '../proxy-headers.ts';
import { tcpProxy } from './tcp-proxy.ts';

const toCluster = (cluster: string) => ({ statPrefix: cluster, targets: [{ cluster, weight: 100 }] });

/** Where connections go that nobody declared. */
export const undeclaredTarget = (view: View) => toCluster(undeclaredCluster(view));

export const virtualOutbound = (view: View): Resource =>
  cells({
    config: view.config,
    families: view.families,
    rest: undeclaredTarget(view),
    lookedUp: view.undeclared.lookedUp,
    http10: view.http10,
    records: view.records,
  }).value;

interface Input {
  readonly config: MeshConfig;
  readonly families: AddressFamilies;
  readonly rest: ReturnType<typeof toCluster>;
  readonly lookedUp: boolean;
  readonly http10: boolean;
  readonly records: boolean;
}

const cells = familyBy(
  ({ config, families, rest, lookedUp, http10, records }: Input) =>
    `${identityOf(config)} ${familiesText(families)} ${rest.statPrefix} ${lookedUp} ${http10} ${records}`,
  (input) => {
    const { config, families, rest, lookedUp } = input;
    const records = input.records ? 'outbound' : undefined;
    const port = config.proxyListenPort;
    const [address = '', ...others] = anyAddresses(families);
    return resource(ListenerSchema, 'virtualOutbound', {
      name: 'virtualOutbound',
      address: socketAddress(address, port),
      ...(others.length > 0 && { additionalAddresses: others.map((other) => ({ address: socketAddress(other, port) })) }),
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: listenerAccessLogs(config),
      useOriginalDst: true,
      filterChains: [
        // A connection to the capture port itself would go round for ever.
        filterChain({
          name: 'virtualOutbound-blackhole',
          match: { destinationPort: port },
          filters: [tcpProxy({ ...toCluster(blackHoleCluster), config, records })],
        }),
        ...(lookedUp ? [requestsChain(input)] : []),
        filterChain({
          name: 'virtualOutbound-catchall-tcp',
          filters: [tcpProxy({ ...rest, config, records })],
        }),
      ],
      ...(lookedUp && inspection(config)),
    });
  },
);

/** Requests to any port that no service has: their host is looked up. */
const requestsChain = ({ config, families, http10, records }: Input) =>
  filterChain({
    name: 'virtualOutbound-catchall-tcp-http',
    match: plainHttp,
    filters: [
      httpConnectionManager({
        role: 'outbound',
        statPrefix: `${lookedUpCluster};`,
        routes: { inline: { name: lookedUpName, validateClusters: false, virtualHosts: [lookedUpHost(config)] } },
        filters: httpFilters({
          role: 'outbound',
          protocol: 'HTTP',
          authorization: [],
          names: nameCache(config, families),
          quiet: isQuiet(config),
        }),
        config,
        records,
        http10,
      }),
    ],
  });

/**
 * What nobody declared may well be a server that speaks first: where the mesh sets no limit, this one keeps its clients from waiting
 * for ever.
 */
const inspection = ({ protocolDetectionTimeout }: MeshConfig): Init<typeof ListenerSchema> => ({
  listenerFilters: [tlsInspector, httpInspector],
  listenerFiltersTimeout: duration(milliseconds(protocolDetectionTimeout) || 5000),
  continueOnListenerFiltersTimeout: true,
});
