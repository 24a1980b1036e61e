// Which clusters a gateway's rules lead to, and which it is not given because none does: those whose TLS takes files, which only the
// pods of some callers mount.

import { connectionTarget, resolveDestination } from '../route/destination.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Clusters } from '../outbound.ts';
import type { GatewayServer } from './server.ts';

/** All of a view's clusters but those. `used` is asked only where there may be some. */
export function gatewayClusters(used: () => ReadonlySet<string>, all: Clusters): Clusters {
  const idle = new Set(all.withFiles.filter((name) => !used().has(name)));
  if (idle.size === 0) return all;
  return {
    ...all,
    byName: new Map([...all.byName].filter(([name]) => !idle.has(name))),
    withEndpoints: all.withEndpoints.filter((name) => !idle.has(name)),
  };
}

/** By every rule that is bound to one of the servers, for whatever hosts it is. */
export function usedClusters({ view, namespace }: ProxyClass, servers: readonly GatewayServer[]): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { gateway, number } of servers) {
    for (const route of view.mesh.gatewayRoutes(gateway, namespace)) {
      for (const { action, mirrors } of route.http) {
        for (const { destination } of [...(action.kind === 'forward' ? action.destinations : []), ...mirrors])
          used.add(resolveDestination(view, destination, number).cluster);
      }
      for (const { destinations } of [...route.tls, ...route.tcp])
        for (const { destination } of destinations) used.add(connectionTarget(view, destination, number).cluster);
    }
  }
  return used;
}
