// The class of a proxy: everything of it that its configuration can depend on, and nothing else, so that replicas share one.

import { labelsText, type Labels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/workload.ts';
import type { ProxyNode } from './configuration.ts';
import { isSet, labelsOf, text } from './node.ts';
import { placedViewText, type View } from './view.ts';

export interface ProxyClass {
  readonly view: View;
  readonly role: 'sidecar' | 'router';
  /** The proxy's own namespace: where its secrets and policies are. */
  readonly namespace: string;
  readonly dnsDomain: string;
  /** Labels that some object selects workloads by. */
  readonly labels: Labels;
  /** Numbers of its ports by name. */
  readonly namedPorts: Readonly<Record<string, number>>;
  /** Its addresses, as far as some endpoint is written with one of them. */
  readonly addresses: readonly string[];
  readonly http10: boolean;
  readonly captures: boolean;
  /** The account it runs as, for what only some may read. */
  readonly serviceAccount: string;
  readonly text: string;
}

const pick = (labels: Labels, keys: readonly string[]): Labels =>
  Object.fromEntries(keys.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]])));

/** The Pod or WorkloadEntry that a proxy's name means. */
export function workloadOf(mesh: Mesh, node: ProxyNode): Workload | undefined {
  const dot = node.name.lastIndexOf('.');
  const [name, namespace] = dot < 0 ? [node.name, node.namespace] : [node.name.slice(0, dot), node.name.slice(dot + 1)];
  return (
    mesh.pod(namespace, name) ??
    mesh.entriesIn(node.namespace).find((entry) => entry.addresses.some((address) => node.addresses.includes(address)))
  );
}

export function classOf(mesh: Mesh, node: ProxyNode): ProxyClass {
  const workload = workloadOf(mesh, node);
  // What the mesh knows of a workload counts over what its proxy says, but for labels fixed to the proxy.
  const labels: Labels = workload === undefined ? node.labels : { ...workload.labels, ...labelsOf(node.metadata['STATIC_LABELS']) };
  const place = node.locality.region !== '' ? node.locality : ((workload && mesh.localityOf(workload)) ?? node.locality);
  const role = node.type === 'router' ? 'router' : 'sidecar';
  const view: View = {
    mesh,
    role,
    namespace: mesh.outlook(node.namespace),
    labels: pick(labels, mesh.callerKeys),
    locality: { ...place, labels: {} },
    network: text(node.metadata['NETWORK']),
    clusterId: text(node.metadata['CLUSTER_ID']) || 'Kubernetes',
  };
  const made = {
    view,
    role,
    namespace: node.namespace,
    dnsDomain: node.dnsDomain,
    labels: pick(labels, mesh.workloadKeys),
    namedPorts: workload?.ports ?? {},
    addresses: writtenAddresses(mesh, node),
    http10: isSet(node.metadata['HTTP10']),
    captures: text(node.metadata['INTERCEPTION_MODE']) !== 'NONE',
    serviceAccount: workload?.serviceAccount ?? text(node.metadata['SERVICE_ACCOUNT']),
  } as const;
  const { view: _view, labels: own, namedPorts, addresses, ...rest } = made;
  const words = [placedViewText(view), labelsText(own), JSON.stringify(namedPorts), addresses.join(), JSON.stringify(rest)];
  return { ...made, text: words.join('\n') };
}

/** Of a proxy's addresses, those that an external service of its namespace is written with. */
function writtenAddresses(mesh: Mesh, node: ProxyNode): string[] {
  const entries = mesh.servicesIn(node.namespace).filter((service) => service.registry === 'External' && service.resolution === 'endpoints');
  if (entries.length === 0) return [];
  const written = new Set(
    entries.flatMap((service) => service.ports.flatMap((port) => mesh.endpoints(service, port.number).value.map(({ address }) => address))),
  );
  return node.addresses.filter((address) => written.has(address));
}
