// The class of a proxy: everything of it that its configuration can depend on, and nothing else, so that replicas share one.

import type { ApiObject } from '../api/object.ts';
import type { Sidecar } from '../api/sidecar.ts';
import type { Cluster } from '../mesh/cluster.ts';
import { labelsText, placeLabels, type Labels } from '../mesh/labels.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { scopeOf } from '../mesh/scope.ts';
import { undeclaredOf } from '../mesh/undeclared.ts';
import type { Workload } from '../mesh/workload.ts';
import type { Delivery, ProxyNode } from './configuration.ts';
import { deliveryKey } from './delivery.ts';
import { topologyOf, type Topology } from './gateway/topology.ts';
import { identityOf } from './identity.ts';
import { needsAddress } from './ingress.ts';
import { recordsKey } from './listener/access-record.ts';
import { ownConfig } from './own-config.ts';
import { hasUnreadableSettings, servesHttp10 } from './own-settings.ts';
import { addressFamilies, isSet, labelsOf, podPorts, text, type AddressFamilies } from './node.ts';
import type { Owner } from './own-ports.ts';
import { looksAtAll, patchesOf, patchesText, type ProxyPatches } from './patch/selection.ts';
import { filesKey } from './tls.ts';
import { placedViewText, type View } from './view.ts';

/** How connections come to a proxy: redirected, redirected with the caller's address kept, or only to ports it opens itself. */
export type Interception = 'REDIRECT' | 'TPROXY' | 'NONE';

export interface ProxyClass extends Owner {
  readonly view: View;
  readonly role: 'sidecar' | 'router';
  /** The proxy's own namespace: where its secrets and policies are. */
  readonly namespace: string;
  /** The Sidecars that are for it: the first is in effect, the others are in conflict with it. */
  readonly sidecars: readonly ApiObject<Sidecar>[];
  readonly dnsDomain: string;
  readonly delivery: Delivery;
  /** Labels that some object selects workloads by. */
  readonly labels: Labels;
  readonly families: AddressFamilies;
  readonly http10: boolean;
  readonly interception: Interception;
  /** Its process may not open ports below 1024. */
  readonly unprivileged: boolean;
  /** Its address, where others have listeners for it as a pod of a headless service; it needs none to itself. */
  readonly headlessAddress: string | undefined;
  /** What stands before it; empty but for gateways. */
  readonly topology: Topology;
  /** Its own address, where a Sidecar's ingress needs it; else empty. */
  readonly ownAddress: string;
  /** Its bootstrap has a cluster of the workload's own service. */
  readonly discoversItself: boolean;
  /** Its own settings are no YAML map, so that nothing of them counts. */
  readonly unreadable: boolean;
  /** The account it runs as, for what only some may read. */
  readonly serviceAccount: string;
  /** The cluster that it says it is of, where the mesh knows none of that name. */
  readonly strayCluster: string | undefined;
  /** What EnvoyFilters change of what it gets. */
  readonly patches: ProxyPatches;
  readonly text: string;
}

const pick = (labels: Labels, keys: readonly string[]): Labels =>
  Object.fromEntries(keys.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]])));

interface Known {
  readonly kind: 'Pod' | 'WorkloadEntry';
  readonly workload: Workload;
}

/** The Pod or WorkloadEntry that a proxy is of: by its name, else by its address. */
function knownAs(cluster: Cluster, node: ProxyNode): Known | undefined {
  const here = ({ addresses }: Workload) => addresses.some((address) => node.addresses.includes(address));
  const dot = node.name.lastIndexOf('.');
  const [name, namespace] = dot < 0 ? [node.name, node.namespace] : [node.name.slice(0, dot), node.name.slice(dot + 1)];
  const named = cluster.pod(namespace, name);
  // A name of another namespace than the proxy's own counts only with an address that agrees.
  if (named !== undefined && (namespace === node.namespace || here(named))) return { kind: 'Pod', workload: named };
  const entry = cluster.entriesIn(node.namespace).find(here);
  if (entry !== undefined) return { kind: 'WorkloadEntry', workload: entry };
  for (const address of node.addresses) {
    const pod = cluster.podAt(node.namespace, address);
    if (pod !== undefined) return { kind: 'Pod', workload: pod };
  }
  return undefined;
}

/** `delivery`: what the mesh allows; a proxy must have said that it can. */
export function classOf(mesh: Mesh, node: ProxyNode, delivery: Delivery): ProxyClass {
  const claimed = text(node.metadata['CLUSTER_ID']);
  const cluster = mesh.cluster(claimed);
  const network = text(node.metadata['NETWORK']);
  const found = knownAs(cluster, node);
  const workload = found?.workload;
  const place =
    node.locality.region !== '' ? node.locality : ((workload && cluster.inputs.localityOf(workload)) ?? node.locality);
  // What the mesh knows of a workload counts over what its proxy says, but for labels fixed to the proxy.
  const written: Labels =
    workload === undefined ? node.labels : { ...workload.labels, ...labelsOf(node.metadata['STATIC_LABELS']) };
  const labels = placeLabels(written, { locality: place, cluster: cluster.id, node: workload?.node ?? '', network });
  const role = node.type === 'router' ? 'router' : 'sidecar';
  const interception = interceptionOf(text(node.metadata['INTERCEPTION_MODE']));
  const home = workload?.namespace ?? node.namespace;
  // Gateways see the whole mesh: a Sidecar is for workloads.
  const sidecars = role === 'sidecar' ? mesh.sidecarsFor(node.namespace, labels) : [];
  const [sidecar] = sidecars;
  const seen: Omit<View, 'canWait'> = {
    mesh,
    config: ownConfig(node, mesh.config),
    role,
    namespace: mesh.outlook(node.namespace),
    scope: sidecar && scopeOf(sidecar, node.namespace),
    egress: undefined,
    undeclared: undeclaredOf(sidecar, mesh.config, mesh.domain),
    labels: pick(labels, mesh.callerKeys),
    locality: { ...place, labels: pick(labels, mesh.placeKeys) },
    network,
    clusterId: cluster.id,
    networkView: text(node.metadata['REQUESTED_NETWORK_VIEW'])
      .split(',')
      .filter((word) => word !== ''),
    families: addressFamilies(node.addresses),
    http10: servesHttp10(node, mesh.config),
    records: isSet(node.metadata[recordsKey]),
    files: isSet(node.metadata[filesKey]) ? 'agent' : 'proxy',
    dialled: role === 'sidecar' && interception === 'NONE',
    httpProxy: role === 'sidecar' ? Number(text(node.metadata['HTTP_PROXY_PORT'])) || mesh.config.proxyHttpPort : 0,
    unprivileged: role === 'sidecar' && isSet(node.metadata['UNPRIVILEGED_POD']),
    capturesNames: capturesNames(node.metadata),
  };
  const view: View = { ...seen, canWait: delivery === 'demand' && canWait(seen, node) };
  const patches = patchesOf(mesh, node, labels);
  const known = [mesh.writtenAddresses(node.namespace), mesh.writtenAddresses(home)];
  const made = {
    view,
    role,
    namespace: node.namespace,
    sidecars,
    home,
    clusterId: cluster.id,
    dnsDomain: node.dnsDomain,
    delivery: view.canWait && !looksAtAll(patches) ? 'demand' : 'eager',
    labels: pick(labels, mesh.workloadKeys),
    known: found?.kind,
    unplaced: workload !== undefined && workload.addresses.length === 0,
    namedPorts: workload?.ports ?? podPorts(node.metadata['POD_PORTS']),
    addresses: node.addresses.filter((address) => known.some((addresses) => addresses.has(address))),
    families: view.families,
    http10: view.http10,
    interception,
    unprivileged: isSet(node.metadata['UNPRIVILEGED_POD']),
    headlessAddress: node.addresses.slice(0, 1).find((address) => mesh.isHeadlessAddress(address)),
    topology: role === 'router' ? topologyOf(node, mesh.config) : {},
    ownAddress: sidecar && needsAddress(sidecar, interception === 'NONE') ? (node.addresses[0] ?? '') : '',
    strayCluster: claimed === '' || claimed === cluster.id ? undefined : claimed,
    unreadable: hasUnreadableSettings(node),
    discoversItself: role === 'sidecar' && isSet(node.metadata['ENABLE_SELF_DISCOVERY']),
    serviceAccount: workload?.serviceAccount ?? text(node.metadata['SERVICE_ACCOUNT']),
  } as const;
  const { view: _view, labels: own, namedPorts, addresses, sidecars: _sidecars, ...rest } = made;
  const words = [
    placedViewText(view),
    sidecars.map(identityOf).join(),
    labelsText(own),
    JSON.stringify(namedPorts),
    addresses.join(),
    JSON.stringify(rest),
    patchesText(patches),
  ];
  return { ...made, patches, text: words.join('\n') };
}

/** Names are resolved for the proxy's applications, and nobody asks to leave hosts without an address as they are. */
const capturesNames = (metadata: ProxyNode['metadata']): boolean =>
  isSet(metadata['DNS_CAPTURE']) && (metadata['DNS_AUTO_ALLOCATE'] === undefined || isSet(metadata['DNS_AUTO_ALLOCATE']));

/** Names and addresses must tell what is called: by Kubernetes' naming, and by redirection. A Sidecar with listeners of its own says it itself. */
const canWait = (
  { mesh, role, scope, dialled, httpProxy, undeclared }: Omit<View, 'canWait'>,
  { metadata, dnsDomain }: ProxyNode,
): boolean =>
  role === 'sidecar' &&
  metadata[deliveryKey] === 'demand' &&
  (scope === undefined || (scope.egress.length === 1 && scope.egress[0]?.place === undefined)) &&
  !dialled &&
  httpProxy === 0 &&
  undeclared.proxy === undefined &&
  !undeclared.lookedUp &&
  dnsDomain.indexOf('.') > 0 &&
  dnsDomain.slice(dnsDomain.indexOf('.')) === `.svc.${mesh.domain}`;

const interceptionOf = (mode: string): Interception => (mode === 'NONE' || mode === 'TPROXY' ? mode : 'REDIRECT');
