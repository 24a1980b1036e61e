// What Istio's names of clusters and virtual hosts mean to a person.

import { blackHoleCluster, parseOutboundCluster, passthroughCluster } from '../compile/names.ts';

/** Why what nobody declared is refused. */
export const closed =
  'nobody declared this destination, and only what is declared may be called (outboundTrafficPolicy: REGISTRY_ONLY)';

/** The one by which a proxy opens tunnels. */
export const tunnelCluster = 'connect_originate';

/** What sending to a cluster means, where its name says it. */
export function clusterMeaning(name: string): string | undefined {
  if (name === blackHoleCluster) return closed;
  if (name === tunnelCluster) return 'through a tunnel (HBONE) to the proxy of its destination';
  return name === passthroughCluster
    ? 'nothing that the mesh declares takes it, so it goes where it was dialled, as it is'
    : undefined;
}

/** `reviews.default.svc.cluster.local:9080 (subset v2)`; a name of another form as it is. */
export function clusterText(name: string): string {
  const parts = parseOutboundCluster(name);
  if (parts === undefined) return name;
  return `${parts.host}:${parts.port}${parts.subset === '' ? '' : ` (subset ${parts.subset})`}`;
}

/** Why a virtual host answers, where its name says it. */
export const hostMeaning = (name: string): string | undefined => (name === 'block_all' ? closed : undefined);
