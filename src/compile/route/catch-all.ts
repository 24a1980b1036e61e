// The last virtual host of a sidecar's tables: what no service is called by goes where the caller dialled, or is refused, as
// the mesh says.

import type { MeshConfig } from '../../api/mesh-config.ts';
import { passthroughCluster } from '../names.ts';
import { announcementConfig, timeouts } from './action.ts';
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

const passed = virtualHostPiece(
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
          value: { clusterSpecifier: { case: 'cluster', value: passthroughCluster }, ...timeouts(undefined) },
        },
        typedPerFilterConfig: announcementConfig('none'),
      },
    ],
  },
  [],
);

export const catchAll = (config: MeshConfig): VirtualHostPiece =>
  config.outboundTrafficPolicy.mode === 'REGISTRY_ONLY' ? refused : passed;
