// Patches of a listener and of everything in it: listener filters, chains, network and HTTP filters, and route tables that stand
// inside it. Each level is merged and removed first, then what is below it; additions come last, as in Istio.

import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
  type Filter,
  type FilterChain,
} from '../../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema, type Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
  type HttpConnectionManager,
  type HttpFilter,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { discovered, type Extensions } from './extensions.ts';
import { patchList } from './lists.ts';
import {
  httpFilterName,
  listenerFilterName,
  matchesChain,
  matchesListener,
  networkFilterName,
  type ServerPorts,
} from './match.ts';
import { placeOfClass } from './filter-class.ts';
import { isMerge, mergeTyped, mergeValue } from './merge-value.ts';
import type { Patch } from './patch.ts';
import type { PatchSet } from './patch-set.ts';
import { patchInlineTable } from './route.ts';
import { typeName } from './types.ts';

/** What patching a listener needs besides it. */
export interface ListenerPatching {
  readonly set: PatchSet;
  readonly extensions: Extensions;
  readonly serverPorts: ServerPorts;
  readonly used: (patch: Patch) => void;
  readonly problem: (text: string) => void;
}

/** Changes a listener; false: it is removed. */
export function patchListener(listener: Listener, patching: ListenerPatching): boolean {
  const { set, used, problem } = patching;
  forEachManager(listener, (manager) => patchInlineTable(manager, patching));
  for (const patch of set.of('LISTENER')) {
    if (!matchesListener(patch, listener)) continue;
    if (patch.operation === 'REMOVE') {
      used(patch);
      return false;
    }
    if (isMerge(patch)) mergeValue(ListenerSchema, listener, patch, used);
  }
  listener.listenerFilters = patchList(listener.listenerFilters, {
    schema: ListenerFilterSchema,
    patches: set.of('LISTENER_FILTER').filter((patch) => matchesListener(patch, listener)),
    names: (patch) => listenerFilterName(patch) !== undefined,
    matches: (patch, { name }) => (listenerFilterName(patch) ?? name) === name,
    used,
  });
  for (const filter of listener.listenerFilters) {
    for (const patch of set.of('LISTENER_FILTER')) {
      if (!isMerge(patch) || !matchesListener(patch, listener)) continue;
      if ((listenerFilterName(patch) ?? filter.name) === filter.name) mergeTyped(filter, patch, used, problem);
    }
  }
  patchChains(listener, patching);
  return true;
}

function patchChains(listener: Listener, patching: ListenerPatching): void {
  const { set, used } = patching;
  listener.filterChains = listener.filterChains.filter((chain) => patchChain(listener, chain, patching));
  const last = listener.defaultFilterChain;
  if (last !== undefined && !patchChain(listener, last, patching)) delete listener.defaultFilterChain;
  for (const patch of set.of('FILTER_CHAIN')) {
    if (patch.operation !== 'ADD' || patch.value === undefined || !matchesListener(patch, listener)) continue;
    // One for a port is not for all that goes elsewhere.
    if (listener.name === 'virtualOutbound' && !matchesChain(patch, listener, patch.value)) continue;
    listener.filterChains.push(clone(FilterChainSchema, patch.value));
    used(patch);
  }
}

/** False: the chain is removed. */
function patchChain(listener: Listener, chain: FilterChain, patching: ListenerPatching): boolean {
  const { set, used, problem } = patching;
  const concerns = (patch: Patch): boolean => matchesListener(patch, listener) && matchesChain(patch, listener, chain);
  for (const patch of set.of('FILTER_CHAIN')) {
    if (!concerns(patch)) continue;
    if (patch.operation === 'REMOVE') {
      used(patch);
      return false;
    }
    if (!isMerge(patch) || patch.value === undefined) continue;
    const own = chain.transportSocket;
    const wanted = patch.value.transportSocket;
    // TLS is merged into the TLS that is there; the rest of such a patch counts for nothing, as in Istio.
    if (own !== undefined && wanted?.name === own.name) mergeTyped(own, { ...patch, value: wanted }, () => used(patch), problem);
    else mergeValue(FilterChainSchema, chain, patch, used);
  }
  const patches = set.of('NETWORK_FILTER').filter(concerns);
  const matches = (patch: Patch, { name }: Filter): boolean => (networkFilterName(patch) ?? name) === name;
  chain.filters = patchList(chain.filters, {
    schema: FilterSchema,
    patches,
    names: (patch) => networkFilterName(patch) !== undefined,
    matches,
    used,
    placeOf: placeOfClass,
  });
  for (const filter of chain.filters) {
    for (const patch of patches) if (isMerge(patch) && matches(patch, filter)) mergeTyped(filter, patch, used, problem);
    const forFilters = set.of('HTTP_FILTER').filter((patch) => concerns(patch) && matches(patch, filter));
    if (forFilters.length > 0) changeManager(filter, (manager) => patchHttpFilters(manager, forFilters, patching));
  }
  return true;
}

/** True: something has changed. */
function patchHttpFilters(
  manager: HttpConnectionManager,
  patches: readonly Patch<'HTTP_FILTER'>[],
  { used, problem, extensions }: ListenerPatching,
): boolean {
  let changed = false;
  const note = (patch: Patch): void => {
    changed = true;
    used(patch);
  };
  const matches = (patch: Patch, { name }: HttpFilter): boolean => (httpFilterName(patch) ?? name) === name;
  manager.httpFilters = patchList(manager.httpFilters, {
    schema: HttpFilterSchema,
    patches,
    names: (patch) => httpFilterName(patch) !== undefined,
    matches,
    used: note,
    placeOf: placeOfClass,
  });
  for (const filter of manager.httpFilters) {
    for (const patch of patches) if (isMerge(patch) && matches(patch, filter)) mergeTyped(filter, patch, note, problem);
  }
  if (changed) for (const filter of manager.httpFilters) discovered(filter, extensions, problem);
  return changed;
}

const managerType = HttpConnectionManagerSchema.typeName;

/** Opens the HTTP connection manager that a filter is; written anew only if `change` says that it has changed. */
function changeManager(filter: Filter, change: (manager: HttpConnectionManager) => boolean): void {
  if (filter.configType.case !== 'typedConfig' || typeName(filter.configType.value.typeUrl) !== managerType) return;
  const config = filter.configType.value;
  const manager = fromBinary(HttpConnectionManagerSchema, config.value);
  if (change(manager)) config.value = toBinary(HttpConnectionManagerSchema, manager);
}

function forEachManager(listener: Listener, change: (manager: HttpConnectionManager) => boolean): void {
  for (const chain of [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])])
    for (const filter of chain.filters) changeManager(filter, change);
}
