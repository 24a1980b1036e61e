// The last virtual host of a sidecar's tables: what no service is called by goes where the caller dialled, to one place for all, or
// is refused, as the mesh or the Sidecar says.

import type { MeshConfig } from '../../api/mesh-config.ts';
import { familyBy } from '../../store/family.ts';
import { countsAttempts } from '../proxy-headers.ts';
import { lookedUpCluster, passthroughCluster } from '../names.ts';
import { undeclaredCluster, type View } from '../view.ts';
import { destinationFilters, timeouts, type ResolvedDestination } from './action.ts';
import { destinationText, resolveDestination } from './destination.ts';
import type { RouteInit } from './http-rules.ts';
import { anyRequest } from './match.ts';
import { virtualHostPiece, type VirtualHostPiece } from './virtual-host.ts';

/** The virtual host's fields. */
type RestHost = Parameters<typeof virtualHostPiece>[0] & { routes: RouteInit[] };

const refused = (config: MeshConfig): RestHost => ({
  name: 'block_all',
  domains: ['*'],
  includeRequestAttemptCount: countsAttempts(config),
  routes: [{ name: 'block_all', match: anyRequest, action: { case: 'directResponse', value: { status: 502 } } }],
});

/** Passed on to a cluster, to which the mesh's own protocols are announced as its policy says. */
const passed = ({ cluster, ...to }: ResolvedDestination, config: MeshConfig): RestHost => ({
  name: 'allow_any',
  domains: ['*'],
  includeRequestAttemptCount: countsAttempts(config),
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

interface Rest {
  readonly to: ResolvedDestination;
  readonly config: MeshConfig;
}

const passedPieces = familyBy(
  ({ to, config }: Rest) => `${countsAttempts(config)} ${destinationText(to)}`,
  ({ to, config }) => virtualHostPiece(passed(to, config), []),
);
const pieceOf = (host: (config: MeshConfig) => RestHost) =>
  familyBy(
    (config: MeshConfig) => String(countsAttempts(config)),
    (config) => virtualHostPiece(host(config), []),
  );
const refusedPieces = pieceOf(refused);

export const lookedUpName = 'allow_any_dynamic_dns';

/** Requests go to the host that they name, whatever was dialled. */
export const lookedUpHost = (config: MeshConfig): RestHost => ({
  name: lookedUpName,
  domains: ['*'],
  includeRequestAttemptCount: countsAttempts(config),
  routes: [
    {
      name: lookedUpName,
      match: anyRequest,
      action: {
        case: 'route',
        value: { clusterSpecifier: { case: 'cluster', value: lookedUpCluster }, ...timeouts(undefined) },
      },
      typedPerFilterConfig: destinationFilters({ announcement: 'none' }),
    },
  ],
});

const lookedUpPieces = pieceOf(lookedUpHost);

/** Nobody knows what serves at the address that a caller dialled: nothing of the mesh's is announced there. */
const dialled: ResolvedDestination = { cluster: passthroughCluster, announcement: 'none', hashPolicy: [] };

export function catchAll(view: View): VirtualHostPiece {
  const { allowed, lookedUp, proxy } = view.undeclared;
  const { config } = view;
  if (!allowed) return refusedPieces(config).value;
  if (lookedUp) return lookedUpPieces(config).value;
  const to = proxy === undefined ? dialled : { ...resolveDestination(view, proxy, 0), cluster: undeclaredCluster(view) };
  return passedPieces({ to, config }).value;
}

/** The same for callers on demand, whose tables have routes before these. */
export const catchAllHost = ({ undeclared, config }: View): RestHost =>
  undeclared.allowed ? passed(dialled, config) : refused(config);
