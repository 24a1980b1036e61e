// virtualOutbound: the listener that redirection feeds. It hands each connection to the listener of its destination, or takes it
// itself.

import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { MeshConfig } from '../../api/mesh-config.ts';
import { familyBy } from '../../store/family.ts';
import { resource } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { blackHoleCluster } from '../names.ts';
import type { AddressFamilies } from '../node.ts';
import type { Resource } from '../resource.ts';
import { familiesText, undeclaredCluster, type View } from '../view.ts';
import { anyAddresses, filterChain, socketAddress } from './chain.ts';
import { tcpProxy } from './tcp-proxy.ts';

const toCluster = (cluster: string) => ({ statPrefix: cluster, targets: [{ cluster, weight: 100 }] });

/** Where connections go that nobody declared. */
export const undeclaredTarget = (view: View) => toCluster(undeclaredCluster(view));

export const virtualOutbound = (view: View): Resource =>
  cells({ config: view.mesh.config, families: view.families, rest: undeclaredTarget(view) }).value;

interface Input {
  readonly config: MeshConfig;
  readonly families: AddressFamilies;
  readonly rest: ReturnType<typeof toCluster>;
}

const cells = familyBy(
  ({ config, families, rest }: Input) => `${identityOf(config)} ${familiesText(families)} ${rest.statPrefix}`,
  ({ config, families, rest }) => {
    const port = config.proxyListenPort;
    const [address = '', ...others] = anyAddresses(families);
    return resource(ListenerSchema, 'virtualOutbound', {
      name: 'virtualOutbound',
      address: socketAddress(address, port),
      ...(others.length > 0 && { additionalAddresses: others.map((other) => ({ address: socketAddress(other, port) })) }),
      trafficDirection: TrafficDirection.OUTBOUND,
      useOriginalDst: true,
      filterChains: [
        // A connection to the capture port itself would go round for ever.
        filterChain({
          name: 'virtualOutbound-blackhole',
          match: { destinationPort: port },
          filters: [tcpProxy({ ...toCluster(blackHoleCluster), config })],
        }),
        filterChain({
          name: 'virtualOutbound-catchall-tcp',
          filters: [tcpProxy({ ...rest, config })],
        }),
      ],
    });
  },
);
