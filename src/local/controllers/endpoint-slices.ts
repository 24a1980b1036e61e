// EndpointSlices from Services and pods: who serves a service now, as a Kubernetes controller would write it. Pure.

import { refOf, type ApiObject } from '../../api/object.ts';
import { bodyOf, type PodBody, type ServiceBody, type ServicePort } from '../kubernetes.ts';
import { hashName } from '../names.ts';
import { newObject } from '../objects.ts';
import { isReady } from '../pod-status.ts';
import { portOf } from '../probe-check.ts';
import { selects } from './selector.ts';

export const serviceLabel = 'kubernetes.io/service-name';
const managerLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'lateen.local';

export const isOurs = (slice: ApiObject): boolean => slice.metadata.labels[managerLabel] === manager;

/** The slices of one service: one for each set of port numbers that its pods give to its named ports. */
export function endpointSlices(service: ApiObject, pods: readonly ApiObject[]): ApiObject[] {
  const { spec } = bodyOf<ServiceBody>(service);
  if (spec.type === 'ExternalName' || spec.selector === undefined) return [];
  const groups = new Map<string, { ports: object[]; pods: ApiObject[] }>();
  for (const pod of pods) {
    if (pod.metadata.namespace !== service.metadata.namespace || !selects(spec.selector, pod.metadata.labels)) continue;
    const { status } = bodyOf<PodBody>(pod);
    if (status?.podIP === undefined || status.phase === 'Succeeded' || status.phase === 'Failed') continue;
    const ports = (spec.ports ?? []).flatMap((port) => slicePort(port, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, pods: [] };
    groups.set(key, group);
    group.pods.push(pod);
  }
  // A service without pods has a slice too: it says that there is nobody.
  if (groups.size === 0) groups.set('', { ports: [], pods: [] });
  return [...groups].map(([key, group]) => slice(service, key, group));
}

function slice(
  service: ApiObject,
  key: string,
  group: { readonly ports: readonly object[]; readonly pods: readonly ApiObject[] },
): ApiObject {
  const { name, namespace } = service.metadata;
  const { spec } = bodyOf<ServiceBody>(service);
  return newObject(
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name.slice(0, 57)}-${hashName(key, 5)}`,
        namespace,
        labels: { [serviceLabel]: name, [managerLabel]: manager },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, controller: true }],
      },
      addressType: 'IPv4',
      endpoints: group.pods
        .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .map((pod) => endpoint(pod, name, spec.publishNotReadyAddresses === true)),
      ports: group.ports,
    },
    service.origin,
  );
}

function endpoint(pod: ApiObject, service: string, publishNotReady: boolean) {
  const { metadata, spec, status } = bodyOf<PodBody>(pod);
  const terminating = metadata.deletionTimestamp !== undefined;
  const serving = isReady(status);
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [status?.podIP ?? ''],
    conditions: { ready: publishNotReady || (serving && !terminating), serving, terminating },
    ...(spec.hostname !== undefined && spec.subdomain === service && { hostname: spec.hostname }),
    nodeName: 'local',
    targetRef: { kind: refOf(pod).kind, name, namespace, ...(uid !== undefined && { uid }) },
  };
}

function slicePort({ name = '', port, targetPort = port, protocol = 'TCP', appProtocol }: ServicePort, pod: ApiObject): object[] {
  const { spec } = bodyOf<PodBody>(pod);
  const containerPorts = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ ports = [] }) => ports);
  const number = portOf(targetPort, containerPorts);
  return number === undefined ? [] : [{ name, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
}
