// The compiler: objects in, the live configuration of a proxy class out. Everything to the left of here is data; everything to
// the right only carries what comes out.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { ApiObject } from '../api/object.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { Diagnostic } from '../api/diagnostic.ts';
import { discoveryOf, type Discovery } from '../mesh/discovery.ts';
import { Mesh } from '../mesh/mesh.ts';
import { familyBy } from '../store/family.ts';
import { StoreReader } from '../store/reader.ts';
import { ClusterObjects, Store } from '../store/store.ts';
import type { Compiler, Configuration, Delivery, ProxyNode } from './configuration.ts';
import { deliveryKey } from './delivery.ts';
import { calledCluster } from './demand/cluster.ts';
import { initialClusters } from './demand/initial.ts';
import { settleAll, settleNames } from './encode.ts';
import { gatewayOf } from './gateway/gateway.ts';
import { inboundOf } from './inbound.ts';
import { endpointScope, listenersOf, outboundClusters, outboundEndpoints, outboundRoute } from './outbound.ts';
import { ownEndpoints } from './local-cluster.ts';
import { listenerName, localCluster } from './names.ts';
import { withPatches } from './patch/configuration.ts';
import { meshDiagnostics } from './references.ts';
import { classOf, type ProxyClass } from './proxy-class.ts';
import type { Resource } from './resource.ts';
import { sidecarDiagnostics } from './sidecar-diagnostics.ts';
import { gatewaySecret } from './gateway/secret.ts';

const meshes = new WeakMap<Store, ReadonlySignal<Mesh>>();

/** The normal form of a store, made once for all who read it; anew when the mesh's own configuration, its clusters or the namespaces that count change. */
export function meshOf(store: Store): ReadonlySignal<Mesh> {
  let mesh = meshes.get(store);
  if (mesh === undefined) {
    let readers: readonly StoreReader[] = [];
    const reader = (cluster: ClusterObjects): StoreReader => new StoreReader(cluster, discoveryIn(store, cluster).value.admits);
    mesh = computed(() => {
      for (const old of readers) old[Symbol.dispose]();
      const objects = reader(store);
      const remote = new Map([...store.remoteClusters.value].map(([id, cluster]) => [id, reader(cluster)]));
      readers = [objects, ...remote.values()];
      const config = store.meshConfig.value;
      return new Mesh({ config, networks: store.meshNetworks.value, clusterId: store.clusterId.value, objects, remote });
    });
    meshes.set(store, mesh);
  }
  return mesh;
}

const discoveries = new WeakMap<ClusterObjects, ReadonlySignal<Discovery>>();

/** Which namespaces of a cluster count. It changes with the mesh's configuration, and when a Namespace begins or ceases to count. */
function discoveryIn(store: Store, cluster: ClusterObjects): ReadonlySignal<Discovery> {
  let found = discoveries.get(cluster);
  if (found === undefined) {
    let [config, before]: [MeshConfig | undefined, Discovery | undefined] = [undefined, undefined];
    found = computed(() => {
      const discovery = discoveryOf(store.meshConfig.value, () => cluster.kind('', 'Namespace').all());
      if (config === store.meshConfig.value && before?.exceptions === discovery.exceptions) return before;
      [config, before] = [store.meshConfig.value, discovery];
      return discovery;
    });
    discoveries.set(cluster, found);
  }
  return found;
}

/** A compiler over a store: it follows every change of objects and of the mesh's configuration. */
export function createCompiler(store: Store, delivery: Delivery = 'demand'): Compiler {
  const mesh = meshOf(store);
  const configurations = familyBy<ProxyClass, Configuration>(({ text }) => text, configurationOf);
  // The streams of one proxy ask for the same.
  const cells = new WeakMap<ProxyNode, ReadonlySignal<Configuration>>();
  return {
    configurationFor(node) {
      const known = cells.get(node);
      const cell = known ?? computed(() => configurations(classOf(mesh.value, node, delivery)).value);
      if (known === undefined) cells.set(node, cell);
      return cell;
    },
  };
}

function configurationOf(proxy: ProxyClass): Configuration {
  const configuration = withPatches(proxy, proxy.role === 'router' ? gatewayOf(proxy) : sidecarOf(proxy));
  const own = ownDiagnostics(proxy);
  return own.length === 0
    ? configuration
    : { ...configuration, diagnostics: computed(() => [...own, ...configuration.diagnostics.value]) };
}

/** What is wrong with what a proxy says of itself. */
function ownDiagnostics({ strayCluster, unreadable, view }: ProxyClass): Diagnostic[] {
  const stray: Diagnostic = {
    code: 'LAT0302',
    severity: 'warning',
    path: [],
    message: `the proxy says that it is of cluster ${strayCluster}, of which the mesh knows nothing; it is taken for one of ${view.clusterId}`,
    help: 'name its cluster: --cluster-id for the primary, --remote-cluster for others',
  };
  const settings: Diagnostic = {
    code: 'IST0125',
    severity: 'error',
    path: [],
    message: "the proxy's annotation proxy.istio.io/config is not a YAML map: nothing of it counts",
    help: 'write field: value, as in the defaultConfig of MeshConfig',
  };
  return [...(strayCluster === undefined ? [] : [stray]), ...(unreadable ? [settings] : [])];
}

function sidecarOf(proxy: ProxyClass): Configuration {
  const { view, delivery, dnsDomain } = proxy;
  // Who has a Sidecar has said what it calls: that is there from the start.
  const waits = delivery === 'demand' && view.scope === undefined;
  const outbound = () => (waits ? initialClusters(view) : outboundClusters(view)).value;
  const inbound = computed(() => inboundOf(proxy));
  const itself = proxy.discoversItself ? ownEndpoints(proxy) : undefined;
  let clusters: ReadonlyMap<string, Resource> | undefined;
  let listeners: ReadonlyMap<string, Resource> | undefined;
  let names: readonly string[] | undefined;
  let secrets: readonly string[] | undefined;
  return {
    id: proxy.text,
    delivery,
    clusters: computed(() => {
      const all = new Map(outbound().byName);
      for (const cluster of inbound.value.clusters.value) all.set(cluster.name, cluster);
      return (clusters = settleAll(clusters, all));
    }),
    listeners: computed(() => {
      const all = new Map(listenersOf(view, delivery).value.listeners);
      for (const name of ownListeners(proxy, all)) all.delete(name);
      for (const listener of inbound.value.listeners.value) all.set(listener.name, listener);
      return (listeners = settleAll(listeners, all));
    }),
    endpoints: (name) => (name === localCluster && itself) || outboundEndpoints(view, name),
    // Under that name each workload has endpoints of its own.
    ...(itself === undefined && { endpointScope: endpointScope(view) }),
    route: (name) => outboundRoute({ view, dnsDomain, name, delivery }),
    called: (name) => calledCluster(view, name),
    secret: (name) => gatewaySecret(proxy, name),
    endpointNames: computed(() => [...outbound().withEndpoints, ...(itself === undefined ? [] : [localCluster])]),
    routeNames: computed(() => (names = settleNames(names, listenersOf(view, delivery).value.tables))),
    secretNames: computed(
      () => (secrets = settleNames(secrets, [...new Set([...outbound().secrets, ...inbound.value.secrets])].sort())),
    ),
    diagnostics: computed(() => [
      ...meshDiagnostics(view),
      ...listenersOf(view, delivery).value.conflicts,
      ...sidecarDiagnostics(proxy),
      ...inbound.value.diagnostics,
    ]),
  };
}

/** What an application calls at its own address does not leave its pod. */
function ownListeners({ headlessAddress }: ProxyClass, listeners: ReadonlyMap<string, Resource>): string[] {
  if (headlessAddress === undefined) return [];
  return [...listeners.keys()].filter((name) => name.startsWith(listenerName(headlessAddress, '')));
}

export interface CompileInput {
  /** The primary cluster's. */
  readonly objects: readonly ApiObject[];
  readonly meshConfig: MeshConfig;
  readonly meshNetworks?: MeshNetworks | undefined;
  /** The primary cluster's name. */
  readonly clusterId?: string | undefined;
  /** The objects of other clusters, by their names. */
  readonly remote?: ReadonlyMap<string, readonly ApiObject[]> | undefined;
  readonly node: ProxyNode;
  /** Default: eager. On demand: what the proxy has before it has called anything. */
  readonly delivery?: Delivery;
}

export interface Compiled {
  readonly listeners: readonly Resource[];
  readonly routes: readonly Resource[];
  readonly clusters: readonly Resource[];
  readonly endpoints: readonly Resource[];
  readonly secrets: readonly Resource[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What a proxy would receive over ADS, all of it, sorted by name. Pure: the order of objects means nothing. */
export function compileProxy({ node, delivery = 'eager', ...input }: CompileInput): Compiled {
  const store = storeOf(input);
  const asking = { ...node, metadata: { ...node.metadata, [deliveryKey]: delivery } };
  const configuration = createCompiler(store, delivery).configurationFor(asking).value;
  const named = (names: readonly string[], cell: (name: string) => ReadonlySignal<Resource | undefined>) =>
    sorted(names.flatMap((name) => cell(name).value ?? []));
  return {
    listeners: sorted([...configuration.listeners.value.values()]),
    routes: named(configuration.routeNames.value, (name) => configuration.route(name)),
    clusters: sorted([...configuration.clusters.value.values()]),
    endpoints: named(configuration.endpointNames.value, (name) => configuration.endpoints(name)),
    secrets: named(configuration.secretNames.value, (name) => configuration.secret(name)),
    diagnostics: configuration.diagnostics.value,
  };
}

/** A store that holds what is given and nothing else. */
export function storeOf({ objects, meshConfig, meshNetworks, clusterId, remote }: Omit<CompileInput, 'node'>): Store {
  const store = new Store();
  store.transaction(() => {
    store.meshConfig.value = meshConfig;
    if (meshNetworks !== undefined) store.meshNetworks.value = meshNetworks;
    if (clusterId !== undefined) store.clusterId.value = clusterId;
    store.remoteClusters.value = new Map([...(remote ?? [])].map(([id, list]) => [id, clusterOf(list)]));
    for (const object of objects) store.upsert(object);
  });
  return store;
}

function clusterOf(objects: readonly ApiObject[]): ClusterObjects {
  const cluster = new ClusterObjects();
  for (const object of objects) cluster.upsert(object);
  return cluster;
}

const sorted = (resources: readonly Resource[]): Resource[] =>
  resources.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
