// A mesh of objects as explain wants it: the proxy of each workload, who is at an address, and what names mean. What is asked is
// compiled, and nothing else.

import type { MeshConfig } from '../../api/mesh-config.ts';
import type { MeshNetworks } from '../../api/mesh-networks.ts';
import type { ApiObject } from '../../api/object.ts';
import { createCompiler, meshOf, storeOf } from '../../compile/compile.ts';
import type { Compiler, Configuration, Delivery, ProxyNode } from '../../compile/configuration.ts';
import { deliveryKey } from '../../compile/delivery.ts';
import { labelsOf, parseNode } from '../../compile/node.ts';
import { podName } from '../../control/workloads.ts';
import { liveConfiguration, type ProxyConfiguration } from '../../explain/configuration.ts';
import type { Proxy, World } from '../../explain/journey.ts';
import { locateIn, type Locate } from '../../explain/origins.ts';
import { meshRole } from '../../local/injection.ts';
import { namedHosts } from '../../local/assembly/names.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { buildNameTable, type NameTable } from '../../node/dns/name-table.ts';
import type { Store } from '../../store/store.ts';
import { Failure } from '../failure.ts';
import { hasWorkload, placeMetadata, workloadProxy } from '../compile/workload-node.ts';

export interface MeshInput {
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks?: MeshNetworks | undefined;
  readonly clusterId?: string | undefined;
  /** What other clusters run, by their names. */
  readonly remote?: ReadonlyMap<string, readonly ApiObject[]> | undefined;
  /** How its proxies come by their clusters (default: eager). */
  readonly delivery?: Delivery | undefined;
  /** What compiles it already, and the store that it reads. */
  readonly live?: { readonly store: Store; readonly compiler: Compiler } | undefined;
  /** Where fields stand, if not in the objects' own origins. */
  readonly locate?: Locate | undefined;
}

/** A caller whose workload nobody knows: it has no labels, and the namespace's own account. */
const stranger = { name: 'a plain workload', address: '192.0.2.1' } as const;

export interface MeshWorld extends World {
  readonly mesh: Mesh;
  readonly names: NameTable;
  readonly locate: Locate;
  /** The proxy of a workload as a person names it. Throws `Failure`. */
  readonly proxyOf: (workload: string) => MeshProxy;
  /** The sidecar of a workload of this namespace that nothing selects. */
  readonly plainProxy: (namespace: string) => MeshProxy;
}

export interface MeshProxy extends Proxy {
  readonly namespace: string;
  readonly role: ProxyNode['type'];
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
}

const domain = 'cluster.local';

export function meshWorld({ delivery = 'eager', ...input }: MeshInput): MeshWorld {
  const store = input.live?.store ?? storeOf(input);
  const mesh = meshOf(store).value;
  const compiler = input.live?.compiler ?? createCompiler(store, delivery);
  const configurations = new Map<Configuration, ProxyConfiguration>();
  const { trustDomain, rootNamespace } = input.meshConfig;
  const primary = clusterOf(store.clusterId.value, input.objects, rootNamespace);
  const clusters = [primary, ...[...(input.remote ?? [])].map(([id, objects]) => clusterOf(id, objects, rootNamespace))];
  let byAddress: ReadonlyMap<string, FoundPod> | undefined;
  let names: NameTable | undefined;

  const proxyFor = (node: ProxyNode, { place }: Cluster, name: string, account: string): MeshProxy => {
    const live = compiler.configurationFor({
      ...node,
      metadata: { ...place, ...node.metadata, [deliveryKey]: delivery },
    }).value;
    const known = configurations.get(live);
    const configuration = known ?? liveConfiguration(live);
    configurations.set(live, configuration);
    const { namespace, type: role, labels, addresses } = node;
    const identity = `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
    return { name, configuration, address: addresses[0] ?? '', identity, sidecar: role === 'sidecar', namespace, role, labels };
  };

  const proxies = new Map<string, MeshProxy>();
  const proxyIn = (cluster: Cluster, workload: string): MeshProxy => {
    const key = `${cluster.id} ${workload}`;
    const known = proxies.get(key) ?? newProxyIn(cluster, workload);
    proxies.set(key, known);
    return known;
  };
  const newProxyIn = (cluster: Cluster, workload: string): MeshProxy => {
    const { node } = workloadProxy(cluster.objects, workload, domain);
    const annotations = labelsOf(node.metadata['ANNOTATIONS']);
    if (meshRole({ labels: node.labels, annotations }, cluster.namespaces.get(node.namespace)) === 'none') {
      throw new Failure(
        `${workload} has no proxy`,
        'nothing of the mesh is in the way of what it calls; ask from another workload',
      );
    }
    const account = node.metadata['SERVICE_ACCOUNT'];
    return proxyFor(node, cluster, node.name, typeof account === 'string' ? account : 'default');
  };

  return {
    mesh,
    locate: input.locate ?? locateIn(input.objects),
    get names() {
      return (names ??= buildNameTable(namedHosts(mesh, { proxied: true }), domain));
    },
    proxyOf: (workload) => proxyIn(clusters.find(({ objects }) => hasWorkload(objects, workload)) ?? primary, workload),
    plainProxy: (namespace) => proxyFor(plainNode(namespace), primary, `${stranger.name} of namespace ${namespace}`, 'default'),
    proxyAt(address) {
      byAddress ??= podsByAddress(clusters);
      const found = byAddress.get(address);
      if (found === undefined) return undefined;
      const { pod, cluster } = found;
      const { name, namespace } = pod.metadata;
      if (meshRole(pod.metadata, cluster.namespaces.get(namespace)) === 'none') return undefined;
      const where = cluster === primary ? '' : ` in cluster ${cluster.id}`;
      return { ...proxyIn(cluster, `${name}.${namespace}`), name: `${podName(pod).workload}.${namespace}${where}` };
    },
  };
}

interface Cluster {
  readonly id: string;
  readonly objects: readonly ApiObject[];
  readonly namespaces: ReadonlyMap<string, ApiObject>;
  /** What its proxies say of where they run. */
  readonly place: Readonly<Record<string, string>>;
}

const clusterOf = (id: string, objects: readonly ApiObject[], rootNamespace: string): Cluster => ({
  id,
  objects,
  namespaces: new Map(objects.filter(({ kind }) => kind === 'Namespace').map((each) => [each.metadata.name, each])),
  place: placeMetadata(id, objects, rootNamespace),
});

function plainNode(namespace: string): ProxyNode {
  const node = parseNode({
    id: `sidecar~${stranger.address}~${stranger.name}.${namespace}~${namespace}.svc.${domain}`,
    metadata: { NAMESPACE: namespace, LABELS: {} },
  });
  if (typeof node === 'string') throw new TypeError(node);
  return node;
}

interface FoundPod {
  readonly pod: ApiObject;
  readonly cluster: Cluster;
}

/** Networks may have the same addresses: the first cluster's pod counts. */
function podsByAddress(clusters: readonly Cluster[]): Map<string, FoundPod> {
  const found = new Map<string, FoundPod>();
  for (const cluster of clusters) {
    for (const pod of cluster.objects) {
      if (pod.kind !== 'Pod' || pod.apiVersion !== 'v1') continue;
      const { status } = pod.body as { status?: { podIP?: string; podIPs?: readonly { ip: string }[] } };
      for (const address of [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)])
        if (address !== undefined && !found.has(address)) found.set(address, { pod, cluster });
    }
  }
  return found;
}
