// The last virtual host of a sidecar's tables: what no service is called by goes where the caller dialled, to one place for all, or
// is refused, as the mesh or the Sidecar says.

import { familyBy } from '../../store/family.ts';
import { passthroughCluster } from '../names.ts';
import { undeclaredCluster, type View } from '../view.ts';
import { destinationFilters, timeouts, type ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import { anyRequest } from './match.ts';
import { virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

const refused = virtualHostPiece(
  {
    name: 'block_all',
    domains: ['*'],
    includeRequestAttemptCount: true,
    routes: [{ name: 'block_all', match: anyRequest, action: { case: 'directResponse', value: { status: 502 } } }],
  },
  [],
);

/** Passed on to a cluster, to which the mesh's own protocols are announced as its policy says. */
const passed = familyBy(destinationText, ({ cluster, ...to }: ResolvedDestination) =>
  virtualHostPiece(
    {
      name: 'allow_any',
      domains: ['*'],
      includeRequestAttemptCount: true,
      routes: [
        {
          name: 'allow_any',
          match: anyRequest,
          action: {
            case: 'route',
            value: { clusterSpecifier: { case: 'cluster', value: cluster }, ...timeouts(undefined) },
          },
          typedPerFilterConfig: destinationFilters(to),
        },
      ],
    },
    [],
  ),
);

/** Nobody knows what serves at the address that a caller dialled: nothing of the mesh's is announced there. */
const dialled: ResolvedDestination = { cluster: passthroughCluster, announcement: 'none', hashPolicy: [] };

export function catchAll(view: View): VirtualHostPiece {
  const { allowed, proxy } = view.undeclared;
  if (!allowed) return refused;
  return passed(proxy === undefined ? dialled : { ...resolveDestination(view, proxy, 0), cluster: undeclaredCluster(view) })
    .value;
}
