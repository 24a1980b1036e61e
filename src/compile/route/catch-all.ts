// The last virtual host of a sidecar's tables: what no service is called by goes where the caller dialled, to one place for all, or
// is refused, as the mesh or the Sidecar says.

import { familyBy } from '../../store/family.ts';
import { lookedUpCluster, passthroughCluster } from '../names.ts';
import { undeclaredCluster, type View } from '../view.ts';
import { destinationFilters, timeouts, type ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import type { RouteInit } from './http-rules.ts';
import { anyRequest } from './match.ts';
import { virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

/** The virtual host's fields. */
type RestHost = Parameters<typeof virtualHostPiece>[0] & { routes: RouteInit[] };

const refused: RestHost = {
  name: 'block_all',
  domains: ['*'],
  includeRequestAttemptCount: true,
  routes: [{ name: 'block_all', match: anyRequest, action: { case: 'directResponse', value: { status: 502 } } }],
};

/** Passed on to a cluster, to which the mesh's own protocols are announced as its policy says. */
const passed = ({ cluster, ...to }: ResolvedDestination): RestHost => ({
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
});

const passedPieces = familyBy(destinationText, (to: ResolvedDestination) => virtualHostPiece(passed(to), []));
const refusedPiece = virtualHostPiece(refused, []);

/** Requests go to the host that they name, whatever was dialled. */
export const lookedUpHost: RestHost = {
  name: 'allow_any_dynamic_dns',
  domains: ['*'],
  includeRequestAttemptCount: true,
  routes: [
    {
      name: 'allow_any_dynamic_dns',
      match: anyRequest,
      action: {
        case: 'route',
        value: { clusterSpecifier: { case: 'cluster', value: lookedUpCluster }, ...timeouts(undefined) },
      },
      typedPerFilterConfig: destinationFilters({ announcement: 'none' }),
    },
  ],
};

const lookedUpPiece = virtualHostPiece(lookedUpHost, []);

/** Nobody knows what serves at the address that a caller dialled: nothing of the mesh's is announced there. */
const dialled: ResolvedDestination = { cluster: passthroughCluster, announcement: 'none', hashPolicy: [] };

export function catchAll(view: View): VirtualHostPiece {
  const { allowed, lookedUp, proxy } = view.undeclared;
  if (!allowed) return refusedPiece;
  if (lookedUp) return lookedUpPiece;
  return passedPieces(proxy === undefined ? dialled : { ...resolveDestination(view, proxy, 0), cluster: undeclaredCluster(view) })
    .value;
}

/** The same for callers on demand, whose tables have routes before these. */
export const catchAllHost = ({ undeclared }: View): RestHost => (undeclared.allowed ? passed(dialled) : refused);
