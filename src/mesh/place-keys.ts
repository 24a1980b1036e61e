// The labels by which endpoints are near or far: what of a caller's labels its endpoints depend on.

import type { ReadonlySignal } from '@preact/signals-core';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { Collection } from '../store/collection.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import { nodeLabel } from './labels.ts';
import { selectionKeys } from './selection-keys.ts';
import type { Service } from './service.ts';

interface Placing {
  readonly config: MeshConfig;
  readonly policies: Collection<DestinationPolicy>;
  readonly services: Collection<Service>;
}

/** The keys that some policy, or the mesh, orders endpoints by, and the node's where some service looks at it. */
export const placeKeys = (placing: Placing): ReadonlySignal<readonly string[]> =>
  selectionKeys(() => {
    const { config, policies, services } = placing;
    const settings = [
      config.localityLbSetting,
      config.zoneAwareLbSetting,
      ...policies.all().flatMap(({ localities }) => localities),
    ];
    const words = settings.flatMap((setting) => setting?.failoverPriority ?? []);
    const looksAtNodes = services.all().some(({ prefers, nodeLocal }) => prefers === 'node' || nodeLocal);
    return [...words.map((word) => word.split('=')[0] ?? ''), ...(looksAtNodes ? [nodeLabel] : [])].map((key) => ({ [key]: '' }));
  });
