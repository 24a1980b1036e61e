// Everything outbound for a view: clusters, endpoints, listeners and tables, each a cell that all who share the view share.

import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ReadonlySignal } from '@preact/signals-core';
import type { MeshConfig } from '../api/mesh-config.ts';
import { effectivePolicy, type DestinationPolicy, type Subset } from '../mesh/destination-policy.ts';
import { portNumbered, type Service, type ServicePort } from '../mesh/service.ts';
import { familyBy } from '../store/family.ts';
import type { ClusterInput } from './cluster/input.ts';
import type { Delivery } from './configuration.ts';
import { discoveryOf, isPlaced, outboundClusterResource, subsetEndpoints } from './cluster/outbound.ts';
import { clusterSecrets, takesFiles } from './cluster/upstream-tls.ts';
import { reservedClusters } from './cluster/inbound.ts';
import { isListable, loadAssignment, reachable, type CallerLocality } from './endpoint.ts';
import { resource, settle, settleAll, settleNames } from './encode.ts';
import { identityOf } from './identity.ts';
import { outboundListeners, type OutboundListeners } from './listener/outbound.ts';
import { balanceOf, type Balance } from './locality.ts';
import { outboundCluster, parseOutboundCluster, parseSniName } from './names.ts';
import { cause } from './origin.ts';
import { keepsCase } from './proxy-headers.ts';
import { acrossNetworks, endpointsFor, reachText } from './reached-endpoints.ts';
import type { Resource } from './resource.ts';
import { outboundTable } from './route/outbound.ts';
import { settleTable } from './route/table.ts';
import { familiesText, placedViewText, policyFor, settingsFor, viewText, type View } from './view.ts';

interface OneCluster extends ClusterInput {
  readonly view: View;
}

const clusterText = (input: OneCluster): string => {
  const { view, service, port, subset, policy, router, families, files, caller, unopened, called } = input;
  return [
    identityOf(view.mesh),
    identityOf(service),
    port.number,
    identityOf(subset),
    policyText(policy),
    router,
    familiesText(families),
    files,
    caller === undefined ? '' : placedViewText(view),
    unopened ?? false,
    called,
    ownText(view.config),
  ].join(' ');
};

/** What a proxy's own settings say of its clusters. */
const ownText = (config: MeshConfig): string =>
  `${keepsCase(config)} ${config.defaultConfig.connectionSettings?.clusterPerConnectionBufferLimitBytes ?? ''}`;

/** Merged policies are made anew for each reader; what they are merged from is not. */
const policyText = (policy: DestinationPolicy | undefined): string => (policy?.objects ?? []).map(identityOf).join('+');

const clusterCells = familyBy<OneCluster, Resource | undefined>(clusterText, (input, previous) =>
  settle(previous, outboundClusterResource(input.view.mesh, input, input.view.config)),
);

/** One cluster, shared by all who have the same; undefined where there is nothing to reach. */
export const outboundClusterOf = (view: View, input: ClusterInput): ReadonlySignal<Resource | undefined> =>
  clusterCells({ ...input, view });

/** Every cluster of a view, and the names of those whose endpoints are fetched. */
export interface Clusters {
  readonly byName: ReadonlyMap<string, Resource>;
  readonly withEndpoints: readonly string[];
  /** SDS names of the Kubernetes secrets that policies' own TLS takes, sorted. */
  readonly secrets: readonly string[];
  /** Names of those whose TLS takes files, sorted. */
  readonly withFiles: readonly string[];
}

export interface SharedClusters extends Clusters {
  /** What is not the same for callers in different places. */
  readonly placed: readonly ClusterInput[];
}

const sharedClusters = familyBy(viewText, (view: View, previous: SharedClusters | undefined): SharedClusters =>
  clustersOf(view, clusterInputs(view), previous),
);

/** The clusters of these inputs, the first of a name, and the reserved ones; what is as before is the object it was. */
export function clustersOf(view: View, inputs: Iterable<ClusterInput>, previous: SharedClusters | undefined): SharedClusters {
  const byName = new Map<string, Resource>();
  const withEndpoints: string[] = [];
  const named = new Set<string>();
  const placed: ClusterInput[] = [];
  const files: string[] = [];
  for (const input of inputs) {
    const cluster = clusterCells({ ...input, view }).value;
    if (cluster === undefined || byName.has(cluster.name)) continue;
    byName.set(cluster.name, cluster);
    if (usesEndpoints(input)) withEndpoints.push(cluster.name);
    for (const name of clusterSecrets(view.mesh, input)) named.add(name);
    if (takesFiles(view.mesh, input)) files.push(cluster.name);
    if (isPlaced(view.mesh, input)) placed.push(input);
  }
  for (const cluster of reservedClusters(view)) byName.set(cluster.name, cluster);
  const names = settleNames(previous?.withEndpoints, withEndpoints.sort());
  const secrets = settleNames(previous?.secrets, [...named].sort());
  const withFiles = settleNames(previous?.withFiles, files.sort());
  const clusters = settleAll(previous?.byName, byName);
  return previous !== undefined &&
    clusters === previous.byName &&
    names === previous.withEndpoints &&
    secrets === previous.secrets &&
    withFiles === previous.withFiles &&
    placed.length === 0 &&
    previous.placed.length === 0
    ? previous
    : { byName: clusters, withEndpoints: names, secrets, withFiles, placed };
}

const clustersCells = familyBy(placedViewText, (view: View, previous: Clusters | undefined): Clusters => {
  const shared = sharedClusters(view).value;
  if (shared.placed.length === 0) return shared;
  const byName = new Map(shared.byName);
  const caller = callerOf(view);
  for (const input of shared.placed) {
    const cluster = clusterCells({ ...input, caller, view }).value;
    if (cluster !== undefined) byName.set(cluster.name, cluster);
  }
  return { ...shared, byName: settleAll(previous?.byName, byName) };
});

/** The same for a view's callers, where their place changes it. */
export const placed = (view: View, input: ClusterInput): ClusterInput =>
  isPlaced(view.mesh, input) ? { ...input, caller: callerOf(view) } : input;

const callerOf = ({ locality, clusterId, network, networkView }: View): CallerLocality => ({
  ...locality,
  clusterId,
  network,
  networkView,
});

export const outboundClusters = (view: View): ReadonlySignal<Clusters> => clustersCells(view);

type UnopenedClusters = Pick<Clusters, 'byName' | 'withEndpoints'>;

const unopenedCells = familyBy(viewText, (view: View, previous: UnopenedClusters | undefined): UnopenedClusters => {
  const byName = new Map<string, Resource>();
  const withEndpoints: string[] = [];
  for (const input of clusterInputs(view)) {
    if (input.service.external) continue;
    const cluster = clusterCells({ ...input, unopened: true, view }).value;
    if (cluster === undefined || byName.has(cluster.name)) continue;
    byName.set(cluster.name, cluster);
    if (usesEndpoints(input)) withEndpoints.push(cluster.name);
  }
  const names = settleNames(previous?.withEndpoints, withEndpoints.sort());
  return { byName: settleAll(previous?.byName, byName), withEndpoints: names };
});

/** What a gateway hands mutual TLS of others on to, by the server name that their proxies give: every service of the mesh. */
export const unopenedClusters = (view: View): ReadonlySignal<UnopenedClusters> => unopenedCells(view);

function usesEndpoints({ service, port, subset, policy, router }: ClusterInput): boolean {
  if (!router && effectivePolicy(policy, port.number, subset).loadBalancer?.simple === 'PASSTHROUGH') return false;
  return discoveryOf(service, router) === 'eds';
}

/** Every port of every service that a view's callers see, and of its subsets. */
export function* clusterInputs(view: View): Generator<ClusterInput> {
  const { families, files } = view;
  const router = view.role === 'router';
  const from = { router, families, files, caller: undefined };
  for (const service of view.mesh.visibleServices(view)) {
    if (service.resolution === 'alias') continue;
    const policy = policyFor(view, service.host, service.namespace);
    for (const port of service.ports) {
      if (port.protocol === 'UDP' || !view.mesh.reachesPort(service, port.number, view)) continue;
      for (const subset of [undefined, ...(policy?.subsets ?? [])]) {
        const called = view.canWait ? outboundCluster(port.number, subset?.name ?? '', service.host) : undefined;
        yield { service, port, subset, policy, ...from, ...(called !== undefined && { called }) };
      }
    }
  }
}

interface OneAssignment {
  readonly view: View;
  readonly name: string;
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
  readonly policy: DestinationPolicy | undefined;
  /** How places count; undefined: where the caller is changes nothing. */
  readonly balance: Balance | undefined;
  /** Nobody between asks whether what comes is mutual TLS, so only who takes nothing else may get it. */
  readonly unopened: boolean;
}

const assignmentText = ({ view, service, port, subset, policy, balance, unopened }: OneAssignment): string =>
  [
    balance !== undefined || service.nodeLocal
      ? placedViewText(view)
      : `${identityOf(view.mesh)} ${reachText(view, { mesh: view.mesh, service, names: false })}`,
    familiesText(view.families),
    identityOf(service),
    port.number,
    identityOf(subset),
    policyText(policy),
    unopened,
  ].join('\n');

const assignmentCells = familyBy<OneAssignment, Resource>(
  assignmentText,
  ({ view, name, service, port, subset, policy, balance, unopened }, previous) => {
    const caller = callerOf(view);
    const settings = settingsFor(view.mesh, policy, port.number, subset);
    const called = { mesh: view.mesh, service, settings, names: false };
    const all = subsetEndpoints(view.mesh.endpoints(service, port.number).value, subset);
    const served = unopened ? all.filter(({ mutualTls }) => mutualTls) : all;
    const { endpoints, others } = reachable(endpointsFor(caller, served, called), view.families);
    const context = { settings, balance: balance && { ...balance, caller } };
    const listed = acrossNetworks(caller, endpoints, called).filter(isListable);
    const assignment = loadAssignment(name, listed, context, others);
    return settle(previous, resource(ClusterLoadAssignmentSchema, name, assignment, [cause(service.object)]));
  },
);

interface Named {
  readonly view: View;
  readonly name: string;
}

const namedText = ({ view, name }: Named): string => `${placedViewText(view)}\n${name}`;

const endpointsCells = familyBy<Named, Resource | undefined>(namedText, ({ view, name }) => {
  const opened = parseOutboundCluster(name);
  const parts = opened ?? parseSniName(name);
  if (parts === undefined) return undefined;
  const service = view.mesh.serviceSeen(parts.host, view);
  const port = service && portNumbered(service, parts.port);
  if (service === undefined || port === undefined) return undefined;
  const policy = policyFor(view, service.host, service.namespace);
  const subset = policy?.subsets.find((candidate) => candidate.name === parts.subset);
  const router = view.role === 'router';
  const input: ClusterInput = {
    service,
    port,
    subset,
    policy,
    router,
    families: view.families,
    files: view.files,
    caller: undefined,
  };
  if ((parts.subset !== '' && subset === undefined) || !usesEndpoints(input)) return undefined;
  const balance = balanceOf(settingsFor(view.mesh, policy, port.number, subset), service, view.mesh.config);
  return assignmentCells({ view, name, service, port, subset, policy, balance, unopened: opened === undefined }).value;
});

export const outboundEndpoints = (view: View, name: string): ReadonlySignal<Resource | undefined> =>
  endpointsCells({ view, name });

const scopes = new WeakMap<View['mesh'], Map<string, object>>();

/** One object for all views that have the same endpoints under the same names: those that look from one place. */
export function endpointScope(view: View): object {
  const text = placedViewText(view);
  let known = scopes.get(view.mesh);
  if (known === undefined) scopes.set(view.mesh, (known = new Map()));
  let scope = known.get(text);
  if (scope === undefined) known.set(text, (scope = { text }));
  return scope;
}

interface Delivered {
  readonly view: View;
  readonly delivery: Delivery;
}

const deliveredText = ({ view, delivery }: Delivered): string => `${delivery}\n${viewText(view)}`;

const listenersCells = familyBy<Delivered, OutboundListeners>(deliveredText, ({ view, delivery }, previous) => {
  const made = outboundListeners(view, delivery);
  const listeners = settleAll(previous?.listeners, made.listeners);
  const tables = settleNames(previous?.tables, made.tables);
  const { conflicts } = made;
  const told = conflicts.length > 0 || (previous?.conflicts.length ?? 0) > 0;
  return previous !== undefined && listeners === previous.listeners && tables === previous.tables && !told
    ? previous
    : { listeners, tables, conflicts };
});

export const listenersOf = (view: View, delivery: Delivery): ReadonlySignal<OutboundListeners> =>
  listenersCells({ view, delivery });

interface NamedTable extends Named, Delivered {
  readonly dnsDomain: string;
}

const tableCells = familyBy<NamedTable, Resource | undefined>(
  (table) => `${deliveredText(table)}\n${table.name}\n${table.dnsDomain}`,
  ({ view, name, dnsDomain, delivery }, previous) => settleTable(previous, outboundTable(view, dnsDomain, name, delivery)),
);

export const outboundRoute = (table: NamedTable): ReadonlySignal<Resource | undefined> => tableCells(table);
