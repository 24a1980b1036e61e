// Who else serves what a workload serves: by its own neighbours, place by place, Envoy knows what share of calls its zone has to take
// (zone-aware load balancing).

import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { computed, type ReadonlySignal } from '@preact/signals-core';
import { isListable, loadAssignment, reachable } from './endpoint.ts';
import { resource, settle } from './encode.ts';
import { localCluster } from './names.ts';
import { cause } from './origin.ts';
import { ownTargets } from './own-ports.ts';
import type { ProxyClass } from './proxy-class.ts';
import type { Resource } from './resource.ts';

/** The endpoints of the oldest service that leads to the workload; none where no service does. */
export function ownEndpoints(proxy: ProxyClass): ReadonlySignal<Resource> {
  const { mesh, network, families } = proxy.view;
  let previous: Resource | undefined;
  return computed(() => {
    const [own] = ownTargets(mesh, proxy);
    const all = own === undefined ? [] : mesh.endpoints(own.service, own.port.number).value;
    const near = all.filter((endpoint) => (endpoint.network === '' || endpoint.network === network) && isListable(endpoint));
    const { endpoints, others } = reachable(near, families);
    const assignment = loadAssignment(localCluster, endpoints, { settings: {}, balance: undefined }, others);
    const causes = own === undefined ? [] : [cause(own.service.object)];
    return (previous = settle(previous, resource(ClusterLoadAssignmentSchema, localCluster, assignment, causes)));
  });
}
