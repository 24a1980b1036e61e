// The normal form of everything the store holds: services, workloads, routes, policies, each in one shape and found by index.
// Middle of the flow: compile/ reads this and nothing else.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { ApiObject } from '../api/object.ts';
import type { Gateway } from '../api/gateway.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { Sidecar } from '../api/sidecar.ts';
import type { Collection } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { compareText } from '../lib/order.ts';
import { automaticAddresses, wantsAddress, type AutomaticAddress } from './automatic-addresses.ts';
import { Cluster } from './cluster.ts';
import { clusterLocalHosts } from './cluster-local.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import { PolicyIndex, writtenPolicies } from './policy-index.ts';
import type { NetworkGateway } from './gateway-service.ts';
import { writtenGateway, type GatewayDeclaration } from './gateway.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointIndex } from './endpoint-index.ts';
import { IngressIndex } from './ingress-index.ts';
import { matchesLabels, type Labels } from './labels.ts';
import { outlooks } from './outlook.ts';
import { PatchIndex } from './patch-index.ts';
import { placeKeys } from './place-keys.ts';
import { Reach } from './reach.ts';
import { RouteIndex, writtenRoutes } from './route-index.ts';
import type { Route } from './route.ts';
import type { Caller } from './scope.ts';
import { byAddress, meshGateways, networkGateways, type NetworkGateways } from './network-gateways.ts';
import { SecurityIndex } from './security-index.ts';
import { selectionKeys } from './selection-keys.ts';
import { sidecarsFor } from './sidecar-selection.ts';
import type { Service } from './service.ts';
import { registeredServices, ServiceIndex } from './service-index.ts';

const networking = 'networking.istio.io';

interface Aged {
  readonly object: ApiObject<unknown>;
}

/** Derived values in the order of their objects. */
const byObjectAge = (a: Aged, b: Aged): number => byAge(a.object as ApiObject, b.object as ApiObject);

/** A collection's objects, with the body type that validation has given them. */
const typed = <Body>(objects: readonly ApiObject[]) => objects as unknown as readonly ApiObject<Body>[];

/** What a mesh is made of. */
export interface MeshParts {
  readonly config: MeshConfig;
  readonly networks: MeshNetworks;
  /** The primary cluster's name; its objects are the mesh's configuration. */
  readonly clusterId: string;
  readonly objects: StoreReader;
  /** The objects of other clusters, by their names: what Kubernetes runs there counts, and nothing that configures. */
  readonly remote: ReadonlyMap<string, StoreReader>;
  readonly domain?: string;
}

export class Mesh {
  readonly config: MeshConfig;
  /** The DNS domain of cluster services: `cluster.local`. */
  readonly domain: string;
  /** The primary cluster. */
  readonly primary: Cluster;
  readonly services: Collection<Service>;
  readonly routes: Collection<Route>;
  readonly policies: Collection<DestinationPolicy>;
  /** Whether a host's endpoints are for callers of their own cluster only. */
  readonly isClusterLocal: (host: string) => boolean;
  readonly ingresses: IngressIndex;
  /**
   * The namespace to look from in the place of a caller's own: itself where that sees anything of its own, else one name for all
   * ordinary namespaces, so that they share everything that is made from what they see.
   */
  readonly outlook: (namespace: string) => string;
  /** Patches to what is generated. */
  readonly patches: PatchIndex;
  readonly security: SecurityIndex;

  readonly #store: StoreReader;
  readonly #serviceIndex: ServiceIndex;
  readonly #endpointIndex: EndpointIndex;
  readonly #routeIndex: RouteIndex;
  readonly #policyIndex: PolicyIndex;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #reach: Reach;
  readonly #gatewaysByName: ReadonlySignal<NetworkGateways>;
  readonly #gatewaysByAddress: ReadonlySignal<NetworkGateways>;
  readonly #gateways: Collection<GatewayDeclaration>;

  constructor({ config, networks, clusterId, objects: store, remote, domain = 'cluster.local' }: MeshParts) {
    this.#store = store;
    this.config = config;
    this.domain = domain;
    this.patches = new PatchIndex(store, config.rootNamespace);
    this.security = new SecurityIndex(store, config.rootNamespace);

    const cluster = (id: string, objects: StoreReader): Cluster =>
      new Cluster(id, objects, {
        config,
        domain,
        networks,
        refusesMutualTls: ({ namespace, labels }, port) => {
          const { ports, byDefault } = this.security.workloadAuthentication(namespace, labels);
          return (ports.get(port) ?? byDefault).mode === 'DISABLE';
        },
      });
    this.primary = cluster(clusterId, store);
    const others = [...remote].filter(([id]) => id !== clusterId).sort(([a], [b]) => compareText(a, b));
    const clusters = [this.primary, ...others.map(([id, objects]) => cluster(id, objects))];
    this.#clusters = new Map(clusters.map((each) => [each.id, each]));
    this.isClusterLocal = clusterLocalHosts(config, domain);
    // As text, so that a change of what gateways are made from wakes nobody where the gateways stay.
    const found = computed(() => JSON.stringify(meshGateways(networks, clusters)));
    const gateways = computed(() => JSON.parse(found.value) as NetworkGateway[]);
    this.#gatewaysByName = computed(() => networkGateways(gateways.value));
    this.#gatewaysByAddress = computed(() => networkGateways(byAddress(gateways.value)));

    this.services = registeredServices(clusters, store, config);
    this.#serviceIndex = new ServiceIndex(this.services);
    this.#endpointIndex = new EndpointIndex({
      all: () => this.services.all(),
      at: (host) => this.servicesAt(host),
      in: (namespace) => this.servicesIn(namespace),
      cluster: (id) => this.cluster(id),
      clusters: () => this.clusters,
    });

    this.routes = writtenRoutes(store, config, domain);
    this.#routeIndex = new RouteIndex(this.routes);

    this.#reach = new Reach(this.#serviceIndex, this.#routeIndex);

    this.policies = writtenPolicies(store, config, domain);
    this.#policyIndex = new PolicyIndex(this.policies, config.rootNamespace);
    this.outlook = outlooks({
      services: this.services,
      routes: this.routes,
      policies: this.policies,
      rootNamespace: config.rootNamespace,
    });

    this.#gateways = store
      .kind(networking, 'Gateway')
      .derive<GatewayDeclaration>(byObjectAge, (object, key) => [[key, writtenGateway(object as unknown as ApiObject<Gateway>)]]);
    this.ingresses = new IngressIndex(
      store,
      config,
      domain,
      (host, name) =>
        this.servicesAt(host)
          .find(({ registry }) => registry === 'Kubernetes')
          ?.ports.find((port) => port.name === name)?.number,
    );
  }

  // Clusters

  /** The cluster of a name; a proxy that says another than the mesh knows is taken for one of the primary's. */
  cluster(id: string): Cluster {
    return this.#clusters.get(id) ?? this.primary;
  }

  get clusters(): Iterable<Cluster> {
    return this.#clusters.values();
  }

  /** The gateways to other networks; with those that only DNS knows where names can be used. */
  gatewaysBetween(names: boolean): NetworkGateways {
    return (names ? this.#gatewaysByName : this.#gatewaysByAddress).value;
  }

  // Services

  /** All services with a host, oldest first: one per namespace that registers it. */
  servicesAt(host: string): readonly Service[] {
    return this.#serviceIndex.at(host);
  }

  servicesIn(namespace: string): readonly Service[] {
    return this.#serviceIndex.in(namespace);
  }

  /** The service that a host means to a caller. */
  serviceSeen(host: string, from: Caller): Service | undefined {
    if (from.scope === undefined) return this.#serviceIndex.seen(host, from.namespace);
    return this.#reach.reached(from).get(host)?.service;
  }

  /** All services that have a virtual address, oldest first. */
  servicesWithAddress(address: string): readonly Service[] {
    return this.#serviceIndex.withAddress(address);
  }

  /** Every service that a caller may call, one per host, oldest first; through one listener of a scope those that it imports. */
  visibleServices(from: Caller): readonly Service[] {
    if (from.scope === undefined) return this.#serviceIndex.visible(from.namespace);
    const { egress } = from;
    return egress === undefined
      ? [...this.#reach.reached(from).values()].map(({ service }) => service)
      : this.#reach.imported({ ...from, egress });
  }

  /** Those of them that are other names of services. */
  aliases(from: Caller): readonly Service[] {
    if (from.scope === undefined) return this.#serviceIndex.aliases(from.namespace);
    return this.visibleServices(from).filter(({ resolution }) => resolution === 'alias');
  }

  /** Whether a caller reaches a port of a service that it sees. */
  reachesPort({ host }: Service, port: number, from: Caller): boolean {
    return from.scope === undefined || (this.#reach.reached(from).get(host)?.ports?.has(port) ?? true);
  }

  // Endpoints

  /** Who serves a port of a service; the cell is shared by everyone who asks. */
  endpoints(service: Service, port: number): ReadonlySignal<readonly Endpoint[]> {
    return this.#endpointIndex.endpoints(service, port);
  }

  /** The service accounts behind a port as `namespace/name`, sorted. Changes only when that set does. */
  serviceAccounts(service: Service, port: number): readonly string[] {
    return this.#endpointIndex.serviceAccounts(service, port);
  }

  /** The addresses that make a workload of a namespace the server of a service that does not select it by labels alone. */
  writtenAddresses(namespace: string): ReadonlySet<string> {
    return this.#endpointIndex.writtenAddresses(namespace);
  }

  /** Whether callers reach a headless service at an address: then they have a listener for it. */
  isHeadlessAddress(address: string): boolean {
    return this.#endpointIndex.isHeadlessAddress(address);
  }

  readonly #automatic = computed((): ReadonlyMap<string, AutomaticAddress> => {
    const services = this.services.all();
    return automaticAddresses(services, new Set(services.flatMap(({ addresses, allocated }) => [...addresses, ...allocated])));
  });

  readonly #automaticAddresses = family((host): string => {
    const found = this.#automatic.value.get(host);
    return found === undefined ? '' : `${found.v4} ${found.v6}`;
  });

  /**
   * The addresses of an external host that was given none, for callers whose names the mesh resolves: what a controller allocated, else
   * one of each IP version by its name.
   */
  automaticAddresses(service: Service): readonly string[] {
    if (!wantsAddress(service)) return [];
    if (service.allocated.length > 0) return service.allocated;
    const text = this.#automaticAddresses(service.host).value;
    return text === '' ? [] : text.split(' ');
  }

  // Routes

  /** The objects whose HTTP rules a caller's sidecars may follow for a host: the first with a rule for the caller counts. */
  httpRules(host: string, from: Caller): readonly Route[] {
    return this.#routeIndex.httpRules(host, from);
  }

  /** All objects with TCP or TLS rules for a host. */
  connectionRules(host: string, from: Caller): readonly Route[] {
    return this.#routeIndex.connectionRules(host, from);
  }

  /** Every object whose rules a caller's sidecars follow, in the order in which they count. */
  sidecarRules(from: Caller): readonly Route[] {
    return this.#routeIndex.sidecarRules(from);
  }

  /** Rules bound to a gateway (`ns/name`) that its namespace may see, oldest first. */
  gatewayRoutes(gateway: string, from: string): readonly Route[] {
    return [...this.ingresses.routesOf(gateway), ...this.#routeIndex.gatewayRoutes(gateway, from)];
  }

  /** The Sidecars that are for a workload: the first counts, the others of its rank are in conflict with it. */
  sidecarsFor(namespace: string, labels: Labels): readonly ApiObject<Sidecar>[] {
    const { rootNamespace } = this.config;
    const of = (where: string) => typed<Sidecar>(this.#store.inNamespace(networking, 'Sidecar', where));
    return sidecarsFor(of(namespace), namespace === rootNamespace ? [] : of(rootNamespace), labels);
  }

  // Destination policies

  /** The policies that a caller's namespace gets for a host of a service at `home`. */
  destinationPolicies(host: string, home: string, from: string): readonly DestinationPolicy[] {
    return this.#policyIndex.policies(host, home, from);
  }

  // Gateways

  /** Gateways that select a proxy by its labels, whatever its namespace, oldest first; one without a selector takes every gateway. */
  gatewaysFor(labels: Labels): readonly GatewayDeclaration[] {
    return this.gateways().filter(({ selector }) => matchesLabels(selector, labels));
  }

  /** What Ingresses ask of gateways counts before what Gateways do: Istio takes it for the oldest. */
  gateways(): readonly GatewayDeclaration[] {
    return [...this.ingresses.gateways.values(), ...this.#gateways.all()];
  }

  /** What stands under the name `ns/name`. */
  gateway(name: string): GatewayDeclaration | undefined {
    return this.#gateways.get(name) ?? this.ingresses.gateways.get(name);
  }

  /** A Secret or ConfigMap as proxies of a cluster find it: there, else in the primary cluster. */
  credential(kind: 'Secret' | 'ConfigMap', namespace: string, name: string, cluster: string): ApiObject | undefined {
    return this.cluster(cluster).held(kind, namespace, name) ?? this.primary.held(kind, namespace, name);
  }

  // What classes of proxies may depend on

  readonly #callerKeys = selectionKeys(() => [
    ...this.routes
      .all()
      .flatMap((route) =>
        [...route.http, ...route.tls, ...route.tcp].flatMap(({ matches }) => matches.map((match) => match.sourceLabels)),
      ),
    ...this.policies.all().map((policy) => policy.callers),
  ]);

  readonly #workloadKeys = selectionKeys(() => [
    ...this.services.all().map((service) => service.selector),
    ...this.security.selectors,
    ...this.gateways().map(({ selector }) => selector),
  ]);

  readonly #placeKeys = placeKeys(this);

  /** The label keys by which some policy orders endpoints: those of a caller say what is near to it. */
  get placeKeys(): readonly string[] {
    return this.#placeKeys.value;
  }

  /** The label keys by which some rule or policy selects callers: other labels change nothing outbound. */
  get callerKeys(): readonly string[] {
    return this.#callerKeys.value;
  }

  /** The label keys by which some object selects the workloads it is for. */
  get workloadKeys(): readonly string[] {
    return this.#workloadKeys.value;
  }
}
