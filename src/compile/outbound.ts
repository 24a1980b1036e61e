// Everything outbound for a view: clusters, endpoints, listeners and tables, each a cell that all who share the view share.

import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ReadonlySignal } from '@preact/signals-core';
import { effectivePolicy, type DestinationPolicy, type Subset } from '../mesh/destination-policy.ts';
import { portNumbered, type Service, type ServicePort } from '../mesh/service.ts';
import { familyBy } from '../store/family.ts';
import { discoveryOf, outboundClusterResource, subsetEndpoints, type ClusterInput } from './cluster/outbound.ts';
import { reservedClusters } from './cluster/inbound.ts';
import { loadAssignment } from './endpoint.ts';
import { resource, settle, settleAll, settleNames } from './encode.ts';
import { identityOf } from './identity.ts';
import { outboundListeners, type OutboundListeners } from './listener/outbound.ts';
import { parseOutboundCluster } from './names.ts';
import { cause } from './origin.ts';
import type { Resource } from './resource.ts';
import { outboundTable } from './route/outbound.ts';
import { placedViewText, policyFor, viewText, type View } from './view.ts';

interface OneCluster extends ClusterInput {
  readonly view: View;
}

const clusterText = ({ view, service, port, subset, policy, router }: OneCluster): string =>
  [identityOf(view.mesh), identityOf(service), port.number, identityOf(subset), policyText(policy), router].join(' ');

/** Merged policies are made anew for each reader; what they are merged from is not. */
const policyText = (policy: DestinationPolicy | undefined): string => (policy?.objects ?? []).map(identityOf).join('+');

const clusterCells = familyBy<OneCluster, Resource | undefined>(clusterText, (input, previous) =>
  settle(previous, outboundClusterResource(input.view.mesh, input)),
);

/** Every cluster of a view, and the names of those whose endpoints are fetched. */
export interface Clusters {
  readonly byName: ReadonlyMap<string, Resource>;
  readonly withEndpoints: readonly string[];
}

const clustersCells = familyBy(viewText, (view: View, previous: Clusters | undefined): Clusters => {
  const byName = new Map<string, Resource>();
  const withEndpoints: string[] = [];
  for (const input of clusterInputs(view)) {
    const cluster = clusterCells({ ...input, view }).value;
    if (cluster === undefined || byName.has(cluster.name)) continue;
    byName.set(cluster.name, cluster);
    if (usesEndpoints(input)) withEndpoints.push(cluster.name);
  }
  for (const cluster of reservedClusters(view.mesh.config, view.role)) byName.set(cluster.name, cluster);
  const names = settleNames(previous?.withEndpoints, withEndpoints.sort());
  const clusters = settleAll(previous?.byName, byName);
  if (previous !== undefined && clusters === previous.byName && names === previous.withEndpoints) return previous;
  return { byName: clusters, withEndpoints: names };
});

export const outboundClusters = (view: View): ReadonlySignal<Clusters> => clustersCells(view);

function usesEndpoints({ service, port, subset, policy, router }: ClusterInput): boolean {
  if (!router && effectivePolicy(policy, port.number, subset).loadBalancer?.simple === 'PASSTHROUGH') return false;
  return discoveryOf(service, router) === 'eds';
}

function* clusterInputs(view: View): Generator<ClusterInput> {
  const router = view.role === 'router';
  for (const service of view.mesh.visibleServices(view.namespace)) {
    if (service.resolution === 'alias') continue;
    const policy = policyFor(view, service.host, service.namespace);
    for (const port of service.ports) {
      if (port.protocol === 'UDP') continue;
      yield { service, port, subset: undefined, policy, router };
      for (const subset of policy?.subsets ?? []) yield { service, port, subset, policy, router };
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
  /** Whether the caller's place matters. */
  readonly placed: boolean;
}

const assignmentText = ({ view, service, port, subset, policy, placed }: OneAssignment): string =>
  [
    placed ? placedViewText(view) : `${identityOf(view.mesh)} ${view.clusterId}`,
    identityOf(service),
    port.number,
    identityOf(subset),
    policyText(policy),
  ].join('\n');

const assignmentCells = familyBy<OneAssignment, Resource>(assignmentText, ({ view, name, service, port, subset, policy, placed }, previous) => {
  const endpoints = subsetEndpoints(view.mesh.endpoints(service, port.number).value, subset);
  const context = {
    clusterId: view.clusterId,
    settings: effectivePolicy(policy, port.number, subset),
    locality: placed ? view.locality : undefined,
    network: undefined,
  };
  const made = resource(ClusterLoadAssignmentSchema, name, loadAssignment(name, endpoints, context), [cause(service.object)]);
  return settle(previous, made);
});

interface Named {
  readonly view: View;
  readonly name: string;
}

const namedText = ({ view, name }: Named): string => `${placedViewText(view)}\n${name}`;

const endpointsCells = familyBy<Named, Resource | undefined>(namedText, ({ view, name }) => {
  const parts = parseOutboundCluster(name);
  if (parts === undefined) return undefined;
  const service = view.mesh.serviceSeen(parts.host, view.namespace);
  const port = service && portNumbered(service, parts.port);
  if (service === undefined || port === undefined) return undefined;
  const policy = policyFor(view, service.host, service.namespace);
  const subset = policy?.subsets.find((candidate) => candidate.name === parts.subset);
  const input: ClusterInput = { service, port, subset, policy, router: view.role === 'router' };
  if ((parts.subset !== '' && subset === undefined) || !usesEndpoints(input)) return undefined;
  const { loadBalancer, outlierDetection } = effectivePolicy(policy, port.number, subset);
  // Failover needs outlier detection, shares need to be given: else where the caller is changes nothing.
  const placed = outlierDetection !== undefined || (loadBalancer?.localityLbSetting?.distribute?.length ?? 0) > 0;
  return assignmentCells({ view, name, service, port, subset, policy, placed }).value;
});

export const outboundEndpoints = (view: View, name: string): ReadonlySignal<Resource | undefined> => endpointsCells({ view, name });

const listenersCells = familyBy<View, OutboundListeners>(viewText, (view, previous) => {
  const made = outboundListeners(view);
  const listeners = settleAll(previous?.listeners, made.listeners);
  const tables = settleNames(previous?.tables, made.tables);
  return previous !== undefined && listeners === previous.listeners && tables === previous.tables ? previous : { listeners, tables };
});

export const listenersOf = (view: View): ReadonlySignal<OutboundListeners> => listenersCells(view);

interface NamedTable extends Named {
  readonly dnsDomain: string;
}

const tableCells = familyBy<NamedTable, Resource | undefined>(
  ({ view, name, dnsDomain }) => `${viewText(view)}\n${name}\n${dnsDomain}`,
  ({ view, name, dnsDomain }, previous) => settle(previous, outboundTable(view, dnsDomain, name)),
);

export const outboundRoute = (view: View, dnsDomain: string, name: string): ReadonlySignal<Resource | undefined> =>
  tableCells({ view, dnsDomain, name });
