// The normal form of everything the store holds: services, workloads, routes, policies, each in one shape and found by index.
// Middle of the flow: compile/ reads this and nothing else.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { ApiObject } from '../api/object.ts';
import type { AuthorizationPolicy } from '../api/authorization-policy.ts';
import type { Gateway } from '../api/gateway.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { PeerAuthentication } from '../api/peer-authentication.ts';
import type { Sidecar } from '../api/sidecar.ts';
import type { Collection, Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { compareText } from '../lib/order.ts';
import { authorization, type Authorization } from './authorization.ts';
import { automaticAddresses, wantsAddress, type AutomaticAddress } from './automatic-addresses.ts';
import { namespaceMode, workloadAuthentication, type ModeDecision, type WorkloadAuthentication } from './authentication.ts';
import { Cluster } from './cluster.ts';
import { clusterLocalHosts } from './cluster-local.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import { PolicyIndex, writtenPolicies } from './policy-index.ts';
import type { NetworkGateway } from './gateway-service.ts';
import { writtenGateway, type GatewayDeclaration } from './gateway.ts';
import { headlessAddresses } from './headless.ts';
import { endpointsOf, type Endpoint } from './endpoint.ts';
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
import { selectionKeys } from './selection-keys.ts';
import { sidecarsFor } from './sidecar-selection.ts';
import { inClusters, portNumbered, serviceKey, type Service } from './service.ts';
import { registeredServices, ServiceIndex } from './service-index.ts';
import type { Workload } from './workload.ts';

const networking = 'networking.istio.io';
const security = 'security.istio.io';

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

  readonly #store: StoreReader;
  readonly #serviceIndex: ServiceIndex;
  readonly #routeIndex: RouteIndex;
  readonly #policyIndex: PolicyIndex;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #reach: Reach;
  readonly #gatewaysByName: ReadonlySignal<NetworkGateways>;
  readonly #gatewaysByAddress: ReadonlySignal<NetworkGateways>;
  readonly #authorizations: Index<Authorization>;
  readonly #gateways: Collection<GatewayDeclaration>;

  constructor({ config, networks, clusterId, objects: store, remote, domain = 'cluster.local' }: MeshParts) {
    this.#store = store;
    this.config = config;
    this.domain = domain;
    this.patches = new PatchIndex(store, config.rootNamespace);

    const cluster = (id: string, objects: StoreReader): Cluster =>
      new Cluster(id, objects, {
        config,
        domain,
        networks,
        refusesMutualTls: (workload, port) => this.#refuses(workload, port),
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

    this.#authorizations = store
      .kind(security, 'AuthorizationPolicy')
      .derive<Authorization>(byObjectAge, (object, key) => [
        [key, authorization(object as unknown as ApiObject<AuthorizationPolicy>)],
      ])
      .index((policy) => [policy.object.metadata.namespace]);
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

  readonly #endpoints = family((id): readonly Endpoint[] => {
    const [key, port] = splitLast(id);
    const [namespace, host] = splitFirst(key);
    const service = this.servicesAt(host).find((candidate) => candidate.namespace === namespace);
    const found = service && portNumbered(service, Number(port));
    if (service === undefined || found === undefined) return [];
    // An entry selects workloads wherever they run; a Kubernetes service has its endpoints in the clusters that have it.
    if (service.registry === 'External' && service.selector !== undefined) {
      return [...this.clusters].flatMap(({ inputs }) => endpointsOf(service, found, inputs));
    }
    return inClusters(service).flatMap((each) => {
      const own = each === service ? found : each.ports.find(({ name }) => name === found.name);
      return own === undefined ? [] : endpointsOf(each, own, this.cluster(each.cluster).inputs);
    });
  });

  /** Who serves a port of a service; the cell is shared by everyone who asks. */
  endpoints(service: Service, port: number): ReadonlySignal<readonly Endpoint[]> {
    return this.#endpoints(`${serviceKey(service)}|${port}`);
  }

  #refuses({ namespace, labels }: Workload, port: number): boolean {
    const { ports, byDefault } = this.workloadAuthentication(namespace, labels);
    return (ports.get(port) ?? byDefault).mode === 'DISABLE';
  }

  readonly #accounts = family((id): string => {
    const [key, port] = splitLast(id);
    const names = new Set<string>();
    for (const endpoint of this.#endpoints(`${key}|${port}`).value) {
      if (endpoint.serviceAccount !== '') names.add(`${endpoint.namespace}/${endpoint.serviceAccount}`);
    }
    return [...names].sort().join(' ');
  });

  /** The service accounts behind a port as `namespace/name`, sorted. Changes only when that set does. */
  serviceAccounts(service: Service, port: number): readonly string[] {
    const text = this.#accounts(`${serviceKey(service)}|${port}`).value;
    return text === '' ? [] : text.split(' ');
  }

  readonly #written = family((namespace): ReadonlySet<string> => {
    const written = new Set<string>();
    for (const service of this.servicesIn(namespace)) {
      // Where a Service selects, the Pods' labels say who serves it; addresses are what people wrote.
      if (service.registry === 'Kubernetes' && service.selector !== undefined) continue;
      for (const port of service.ports)
        for (const { address } of this.endpoints(service, port.number).value) written.add(address);
    }
    return written;
  });

  /** The addresses that make a workload of a namespace the server of a service that does not select it by labels alone. */
  writtenAddresses(namespace: string): ReadonlySet<string> {
    return this.#written(namespace).value;
  }

  readonly #headless = headlessAddresses(
    () => this.services.all(),
    (service, port) => this.endpoints(service, port).value,
  );

  /** Whether callers reach a headless service at an address: then they have a listener for it. */
  isHeadlessAddress(address: string): boolean {
    return this.#headless(address).value;
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

  // Authentication and authorization

  peerAuthentications(): readonly ApiObject<PeerAuthentication>[] {
    return typed<PeerAuthentication>(this.#store.kind(security, 'PeerAuthentication').all());
  }

  #peerAuthenticationsIn(namespace: string): readonly ApiObject<PeerAuthentication>[] {
    return typed<PeerAuthentication>(this.#store.inNamespace(security, 'PeerAuthentication', namespace));
  }

  readonly #namespaceMode = family((namespace): ModeDecision =>
    namespaceMode(
      this.#peerAuthenticationsIn(this.config.rootNamespace),
      namespace === this.config.rootNamespace ? [] : this.#peerAuthenticationsIn(namespace),
    ),
  );

  /** The mutual TLS mode that callers assume of a namespace's services. */
  namespaceMode(namespace: string): ModeDecision {
    return this.#namespaceMode(namespace).value;
  }

  workloadAuthentication(namespace: string, labels: Labels): WorkloadAuthentication {
    const root = this.config.rootNamespace;
    return workloadAuthentication(
      this.#peerAuthenticationsIn(root),
      namespace === root ? [] : this.#peerAuthenticationsIn(namespace),
      labels,
    );
  }

  /** Policies of the root namespace that select a workload, which they cannot do from there. */
  idlePeerAuthentications(labels: Labels): readonly ApiObject<PeerAuthentication>[] {
    return this.#peerAuthenticationsIn(this.config.rootNamespace).filter(({ body }) => {
      const { matchLabels = {} } = body.spec?.selector ?? {};
      return Object.keys(matchLabels).length > 0 && matchesLabels(matchLabels, labels);
    });
  }

  /** AuthorizationPolicies for a workload: the root namespace's, then its own namespace's, oldest first in each. */
  authorizationPolicies(namespace: string, labels: Labels): readonly Authorization[] {
    const namespaces = namespace === this.config.rootNamespace ? [namespace] : [this.config.rootNamespace, namespace];
    return namespaces
      .flatMap((where) => this.#authorizations.get(where))
      .filter(({ object }) => {
        const { selector, targetRef, targetRefs } = object.body.spec ?? {};
        return matchesLabels(selector?.matchLabels ?? {}, labels) && targetRef === undefined && (targetRefs ?? []).length === 0;
      });
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
    ...this.peerAuthentications().map(({ body }) => body.spec?.selector?.matchLabels),
    ...typed<AuthorizationPolicy>(this.#store.kind(security, 'AuthorizationPolicy').all()).map(
      ({ body }) => body.spec?.selector?.matchLabels,
    ),
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

const splitFirst = (text: string) => splitAt(text, text.indexOf('/'));
const splitLast = (text: string) => splitAt(text, text.lastIndexOf('|'));
const splitAt = (text: string, at: number): [string, string] => [text.slice(0, at), text.slice(at + 1)];
