// Patches of route tables, of their virtual hosts, and of the routes in those.

import { clone } from '@bufbuild/protobuf';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.js';
import { RouteSchema, VirtualHostSchema, type VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { HttpConnectionManager } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { patchList } from './lists.ts';
import { matchesHost, matchesRoute, matchesTable, namesRoute, type HostName, type ServerPorts } from './match.ts';
import { isMerge, mergeValue } from './merge-value.ts';
import type { Patch } from './patch.ts';
import type { PatchSet } from './patch-set.ts';

interface RoutePatching {
  readonly set: PatchSet;
  readonly serverPorts: ServerPorts;
  readonly used: (patch: Patch) => void;
}

/** The patches of a table that are for one of this name. */
export interface TablePatches {
  readonly table: readonly Patch<'ROUTE_CONFIGURATION'>[];
  readonly hosts: readonly Patch<'VIRTUAL_HOST'>[];
  readonly routes: readonly Patch<'HTTP_ROUTE'>[];
}

export function tablePatches(set: PatchSet, name: string, serverPorts: ServerPorts): TablePatches {
  const concerns = (patch: Patch): boolean => matchesTable(patch, set.context, name, serverPorts);
  return {
    table: set.of('ROUTE_CONFIGURATION').filter(concerns),
    hosts: set.of('VIRTUAL_HOST').filter(concerns),
    routes: set.of('HTTP_ROUTE').filter(concerns),
  };
}

/** Whether a table would be looked into at all. */
export const isPatched = ({ table, hosts, routes }: TablePatches): boolean => table.length + hosts.length + routes.length > 0;

/** Patches the table inside an HTTP connection manager; true: something has changed. */
export function patchInlineTable(manager: HttpConnectionManager, { set, serverPorts, used }: RoutePatching): boolean {
  if (manager.routeSpecifier.case !== 'routeConfig') return false;
  const table = manager.routeSpecifier.value;
  let changed = false;
  patchTable(table, tablePatches(set, table.name, serverPorts), (patch) => {
    changed = true;
    used(patch);
  });
  return changed;
}

function patchTable(table: RouteConfiguration, patches: TablePatches, used: (patch: Patch) => void): void {
  patchHead(table, patches, used);
  table.virtualHosts = table.virtualHosts.flatMap((host) => patchHost(host, patches, used) ?? []);
  table.virtualHosts.push(...addedHosts(patches, used));
}

/** All of a table but its virtual hosts; a merged value may bring some. */
export function patchHead(table: RouteConfiguration, patches: TablePatches, used: (patch: Patch) => void): void {
  for (const patch of patches.table) if (isMerge(patch)) mergeValue(RouteConfigurationSchema, table, patch, used);
}

export function addedHosts({ hosts }: TablePatches, used: (patch: Patch) => void): VirtualHost[] {
  return hosts.flatMap((patch) => {
    if (patch.operation !== 'ADD' || patch.value === undefined) return [];
    used(patch);
    return [clone(VirtualHostSchema, patch.value)];
  });
}

/** Whether any of the patches are for a virtual host. */
export const concernsHost = ({ hosts, routes }: TablePatches, host: HostName): boolean =>
  hosts.some((patch) => patch.operation !== 'ADD' && matchesHost(patch, host)) ||
  routes.some((patch) => matchesHost(patch, host));

/** The virtual host after its patches; undefined: it is removed. */
export function patchHost(given: VirtualHost, patches: TablePatches, used: (patch: Patch) => void): VirtualHost | undefined {
  let host = given;
  for (const patch of patches.hosts) {
    if (!matchesHost(patch, host)) continue;
    if (patch.operation === 'REMOVE') {
      used(patch);
      return undefined;
    }
    if (isMerge(patch)) mergeValue(VirtualHostSchema, host, patch, used);
    if (patch.operation === 'REPLACE' && patch.value !== undefined) {
      host = clone(VirtualHostSchema, patch.value);
      used(patch);
    }
  }
  patchRoutes(host, patches.routes, used);
  return host;
}

/** What is there is removed or merged, then others come in. */
function patchRoutes(host: VirtualHost, all: readonly Patch<'HTTP_ROUTE'>[], used: (patch: Patch) => void): void {
  const patches = all.filter((patch) => matchesHost(patch, host));
  host.routes = host.routes.filter((route) => {
    for (const patch of patches) {
      if (!matchesRoute(patch, route)) continue;
      if (patch.operation === 'REMOVE') {
        used(patch);
        return false;
      }
      if (isMerge(patch)) mergeValue(RouteSchema, route, patch, used);
    }
    return true;
  });
  host.routes = patchList(host.routes, {
    schema: RouteSchema,
    patches: patches.filter(({ operation }) => operation !== 'REMOVE' && operation !== 'REPLACE'),
    names: namesRoute,
    matches: matchesRoute,
    used,
  });
}
