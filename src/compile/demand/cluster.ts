// One cluster of a proxy on demand, made when it is called for the first time: by a service's name, or by the address that a
// connection was made to. There is always an answer: Envoy asks only once (envoy-tried.md §2.4).

import type { ReadonlySignal } from '@preact/signals-core';
import { Cluster_DiscoveryType, ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.js';
import { duration } from '../../filters/duration.ts';
import { milliseconds } from '../../lib/duration.ts';
import { portNumbered, type Service } from '../../mesh/service.ts';
import { familyBy } from '../../store/family.ts';
import { passthroughInit } from '../cluster/inbound.ts';
import { resource, settle } from '../encode.ts';
import { blackHoleCluster, outboundCluster, parseOutboundCluster, passthroughCluster } from '../names.ts';
import { outboundClusterOf, placed } from '../outbound.ts';
import type { Resource } from '../resource.ts';
import { isSingleAddress } from '../../mesh/hostname.ts';
import { isLedTo } from './led-to.ts';
import { refusedMark } from './refused.ts';
import { addressesFor, placedViewText, policyFor, throughListeners, type View } from '../view.ts';

interface Called {
  readonly view: View;
  readonly name: string;
}

/** The cluster that a view's proxies get under a name. The cell has a value for every name. */
export const calledCluster = (view: View, name: string): ReadonlySignal<Resource> => cells({ view, name });

const cells = familyBy<Called, Resource>(
  ({ view, name }) => `${placedViewText(view)}\n${name}`,
  (called, previous) => settle(previous, serviceCluster(called) ?? substitute(called)),
);

function serviceCluster({ view, name }: Called): Resource | undefined {
  const parts = parseOutboundCluster(name);
  if (parts === undefined) return undefined;
  const service = isSingleAddress(parts.host) ? serviceAt(view, parts.host, parts.port) : view.mesh.serviceSeen(parts.host, view);
  const port = service && portNumbered(service, parts.port);
  if (service === undefined || service.resolution === 'alias' || port === undefined || port.protocol === 'UDP') return undefined;
  const policy = policyFor(view, service.host, service.namespace);
  const subset = policy?.subsets.find((candidate) => candidate.name === parts.subset);
  if (parts.subset !== '' && subset === undefined) return undefined;
  const { families, files } = view;
  const input = { service, port, subset, policy, router: false, families, files, caller: undefined, called: name };
  return outboundClusterOf(view, placed(view, input)).value;
}

/** The service whose virtual address it is: the oldest that the caller sees and that has the port, as for listeners. */
const serviceAt = (view: View, address: string, port: number): Service | undefined =>
  view.mesh
    .servicesWithAddress(address)
    .find(
      (service) =>
        view.mesh.serviceSeen(service.host, view) === service &&
        isImported(view, service) &&
        portNumbered(service, port) !== undefined &&
        addressesFor(view, service).includes(address),
    );

/** Whether callers may call it by itself, not only where a rule leads there. */
const isImported = (view: View, service: Service): boolean =>
  view.scope === undefined || throughListeners(view).some((part) => view.mesh.visibleServices(part).includes(service));

/**
 * What stands under a name that no service has: what eager delivery would do with such a request. A rule's destination that is
 * missing fails at once; whom no rule sends there goes where the caller dialled, or nowhere, as the mesh says.
 */
function substitute({ view, name }: Called): Resource {
  const { config } = view;
  const parts = parseOutboundCluster(name);
  const computed = parts !== undefined && parts.subset === '' && !isLedTo(view, parts);
  if (computed && view.undeclared.allowed) {
    return resource(ClusterSchema, name, { ...passthroughInit(config), name, altStatName: passthroughCluster });
  }
  return resource(ClusterSchema, name, {
    name,
    altStatName: parts === undefined || computed ? blackHoleCluster : `${outboundCluster(parts.port, parts.subset, parts.host)};`,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: duration(milliseconds(config.connectTimeout)),
    ...(computed && { metadata: refusedMark }),
  });
}
