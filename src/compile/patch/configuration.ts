// The configuration of a class whose proxies EnvoyFilters select: what was generated, resource by resource, with their patches. A
// class without patches keeps the configuration that it has.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import { Cluster_DiscoveryType, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { familyBy } from '../../store/family.ts';
import type { Configuration } from '../configuration.ts';
import { settle, settleAll, settleNames } from '../encode.ts';
import { identityOf } from '../identity.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { refusalDiagnostics, type Refusal } from './attempt.ts';
import { addedClusterResources, addedListenerResources } from './added.ts';
import { messageOf, patchedCluster, patchedListener, patchedTable, type Patched } from './resources.ts';
import { surroundingsOf, type ProxySurroundings } from './surroundings.ts';
import { tablesIn } from './tables-in.ts';

interface PatchedAll {
  readonly byName: ReadonlyMap<string, Resource>;
  readonly refusals: readonly Refusal[];
}

export function withPatches(proxy: ProxyClass, base: Configuration): Configuration {
  const { patches, diagnostics } = proxy.patches;
  if (patches.length === 0 && diagnostics.length === 0) return base;
  const around = surroundingsOf(proxy);
  const clusters = all(base.clusters, (given) => {
    const made = each(given, (resource) => patchedCluster(resource, around.value.ofCluster(resource)));
    return addedClusterResources(made, around.value);
  });
  const listeners = all(base.listeners, (given) => {
    const made = each(given, (resource) => patchedListener(resource, around.value.ofListener(resource)));
    return addedListenerResources(made, around.value);
  });
  const called = base.called && ((name: string) => base.called?.(name) as ReadonlySignal<Resource>);
  const route = (name: string) => tableCells({ cell: base.route(name), around });
  let routeNames: readonly string[] | undefined;
  let endpointNames: readonly string[] | undefined;
  return {
    ...base,
    clusters: computed(() => clusters.value.byName),
    listeners: computed(() => listeners.value.byName),
    ...(called && { called: (name: string) => calledCells({ cell: called(name), around }) }),
    route: (name) => routeCells({ cell: base.route(name), around }),
    endpointNames: computed(() => (endpointNames = settleNames(endpointNames, discovering(base, clusters.value.byName)))),
    routeNames: computed(() => {
      const named = [...listeners.value.byName.values()].flatMap((listener) => tablesIn(listener));
      return (routeNames = settleNames(routeNames, [...new Set(named)].sort()));
    }),
    diagnostics: computed(() => [
      ...base.diagnostics.value,
      ...diagnostics,
      ...refusalDiagnostics([
        ...clusters.value.refusals,
        ...listeners.value.refusals,
        ...base.routeNames.value.flatMap((name) => route(name).value?.refusals ?? []),
      ]),
    ]),
  };
}

/** All resources of a type; the map stays the one it was while nothing in it changes. */
function all(
  given: ReadonlySignal<ReadonlyMap<string, Resource>>,
  change: (given: ReadonlyMap<string, Resource>) => PatchedAll,
): ReadonlySignal<PatchedAll> {
  let previous: ReadonlyMap<string, Resource> | undefined;
  return computed(() => {
    const { byName, refusals } = change(given.value);
    return { byName: (previous = settleAll(previous, byName)), refusals };
  });
}

function each(given: ReadonlyMap<string, Resource>, patch: (resource: Resource) => Patched): PatchedAll {
  const made = [...given.values()].map(patch);
  const byName = new Map<string, Resource>();
  for (const { resource } of made) if (resource !== undefined) byName.set(resource.name, resource);
  return { byName, refusals: made.flatMap(({ refusals }) => refusals) };
}

interface OneTable {
  readonly cell: ReadonlySignal<Resource | undefined>;
  readonly around: ReadonlySignal<ProxySurroundings>;
}

interface OneCluster extends OneTable {
  readonly cell: ReadonlySignal<Resource>;
}

const tableText = ({ cell, around }: OneTable): string => `${identityOf(cell)} ${identityOf(around)}`;

const tableCells = familyBy<OneTable, Patched | undefined>(
  tableText,
  ({ cell, around }) => cell.value && patchedTable(cell.value, around.value.ofTables),
);

/** A cluster that comes when it is called. */
const calledCells = familyBy<OneCluster, Resource>(tableText, ({ cell, around }) => {
  const given = cell.value;
  return patchedCluster(given, around.value.ofCluster(given)).resource ?? given;
});

const routeCells = familyBy<OneTable, Resource | undefined>(tableText, (table, previous) =>
  settle(previous, tableCells(table).value?.resource),
);

/** The names under which the clusters ask for endpoints. */
function discovering(base: Configuration, clusters: ReadonlyMap<string, Resource>): string[] {
  const generated = base.clusters.value;
  const kept = base.endpointNames.value.filter((name) => clusters.get(name) === generated.get(name));
  const changed = [...clusters.values()].filter((resource) => generated.get(resource.name) !== resource);
  return [...new Set([...kept, ...changed.flatMap(endpointName)])].sort();
}

function endpointName(resource: Resource): string[] {
  const { clusterDiscoveryType: discovery, edsClusterConfig, name } = messageOf(ClusterSchema, resource);
  return discovery.case === 'type' && discovery.value === Cluster_DiscoveryType.EDS
    ? [edsClusterConfig?.serviceName || name]
    : [];
}
