// The clusters that a proxy on demand has before it calls anything: those without a service, those of mirrors, which Envoy does not
// wait for, and those whose hosts are looked up as they are called.

import type { ReadonlySignal } from '@preact/signals-core';
import type { Route } from '../../mesh/route.ts';
import { portNumbered } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import type { ClusterInput } from '../cluster/input.ts';
import { outboundCluster } from '../names.ts';
import { clusterInputs, clustersOf, placed, type Clusters, type SharedClusters } from '../outbound.ts';
import { destinationService, placedViewText, policyFor, viewText, type View } from '../view.ts';

export const initialClusters = (view: View): ReadonlySignal<Clusters> => cells(view);

const cells = familyBy(placedViewText, (view: View, previous: SharedClusters | undefined): SharedClusters =>
  clustersOf(view, inputsOf(view), previous),
);

function* inputsOf(view: View): Generator<ClusterInput> {
  yield* dynamicInputs(view).value;
  yield* mirrorInputs(view);
}

/** Their hosts are looked up by a filter of the listener's. Rules change nothing of them. */
const dynamicInputs = familyBy(viewText, (view: View): readonly ClusterInput[] =>
  [...clusterInputs(view)].filter(({ service }) => service.resolution === 'dynamic'),
);

/** The objects whose rules mirror: the same list as long as none of them changes. */
const mirroring = familyBy(viewText, (view: View, previous: readonly Route[] | undefined): readonly Route[] => {
  const found = view.mesh.sidecarRules(view).filter(({ http }) => http.some(({ mirrors }) => mirrors.length > 0));
  return previous?.length === found.length && previous.every((route, index) => route === found[index]) ? previous : found;
});

function* mirrorInputs(view: View): Generator<ClusterInput> {
  const { families, files } = view;
  for (const route of mirroring(view).value) {
    for (const { destination } of route.http.flatMap(({ mirrors }) => mirrors)) {
      const service = destinationService(view, destination.host);
      if (service === undefined) continue;
      const policy = policyFor(view, service.host, service.namespace);
      const subset = policy?.subsets.find(({ name }) => name === destination.subset);
      if (destination.subset !== '' && subset === undefined) continue;
      // Without a port it is that of the table, which may be any.
      const only = destination.port === undefined ? undefined : portNumbered(service, destination.port);
      for (const port of destination.port === undefined ? service.ports : only ? [only] : []) {
        if (port.protocol === 'UDP') continue;
        // As if it had been called: computed routes lead there too.
        const called = outboundCluster(port.number, destination.subset, service.host);
        yield placed(view, { service, port, subset, policy, router: false, families, files, caller: undefined, called });
      }
    }
  }
}
