// What patching the resources of a class needs to know: the patches in each context, extensions by name, and the ports of servers.
// Classes with the same share it, and so what was patched.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import { TrafficDirection } from '../../../gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { familyBy } from '../../store/family.ts';
import { serversOf } from '../gateway/merge.ts';
import { identityOf } from '../identity.ts';
import { inboundPassthroughCluster } from '../names.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { extensionsOf } from './extensions.ts';
import type { Context, Patch } from './patch.ts';
import { PatchSet } from './patch-set.ts';
import { messageOf, type Surroundings } from './resources.ts';

export interface ProxySurroundings {
  /** By context; a gateway has one, a sidecar two. */
  readonly contexts: readonly Surroundings[];
  ofCluster(resource: Resource): Surroundings;
  ofListener(resource: Resource): Surroundings;
  /** Tables that are fetched are all for what leaves. */
  readonly ofTables: Surroundings;
}

type Ports = ReadonlyMap<number, readonly number[]>;

interface Key {
  readonly role: ProxyClass['role'];
  readonly patches: readonly Patch[];
  readonly ports: Ports;
}

/** The cell of a class. */
export function surroundingsOf(proxy: ProxyClass): ReadonlySignal<ProxySurroundings> {
  const { role, patches } = { role: proxy.role, patches: proxy.patches.patches };
  const asked = role === 'router' && patches.some(({ match }) => match.routeConfiguration?.portNumber !== undefined);
  return asked ? computed(() => cells({ role, patches, ports: portsOf(proxy) }).value) : cells({ role, patches, ports: noPorts });
}

const noPorts: Ports = new Map();

const portsOf = (proxy: ProxyClass): Ports =>
  new Map(
    [...Map.groupBy(serversOf(proxy).servers, ({ port }) => port)].map(([port, servers]) => [
      port,
      [...new Set(servers.map(({ number }) => number))],
    ]),
  );

const cells = familyBy<Key, ProxySurroundings>(
  ({ role, patches, ports }) => [role, patches.map(identityOf).join(), JSON.stringify([...ports])].join('\n'),
  ({ role, patches, ports }) => {
    const extensions = extensionsOf(patches.filter((patch) => patch.applyTo === 'EXTENSION_CONFIG') as never);
    const within = (context: Context): Surroundings => ({
      set: new PatchSet(context, patches),
      extensions,
      serverPorts: (listening) => ports.get(listening) ?? [],
    });
    if (role === 'router') {
      const only = within('GATEWAY');
      return { contexts: [only], ofCluster: () => only, ofListener: () => only, ofTables: only };
    }
    const [inbound, outbound] = [within('SIDECAR_INBOUND'), within('SIDECAR_OUTBOUND')];
    return {
      contexts: [inbound, outbound],
      ofCluster: ({ name }) => (name.startsWith('inbound|') || name === inboundPassthroughCluster ? inbound : outbound),
      ofListener: (resource) => (isInbound(resource) ? inbound : outbound),
      ofTables: outbound,
    };
  },
);

const isInbound = (resource: Resource): boolean =>
  resource.name === 'virtualInbound' || messageOf(ListenerSchema, resource).trafficDirection === TrafficDirection.INBOUND;
