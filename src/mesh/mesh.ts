// The normal form of everything the store holds: services, workloads, routes, policies, each in one shape and found by index.
// Middle of the flow: compile/ reads this and nothing else.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import type { ApiObject } from '../api/object.ts';
import type { AuthorizationPolicy } from '../api/authorization-policy.ts';
import type { DestinationRule } from '../api/destination-rule.ts';
import type { EndpointSlice } from '../api/endpoint-slice.ts';
import type { Endpoints } from '../api/endpoints.ts';
import type { Gateway } from '../api/gateway.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { PeerAuthentication } from '../api/peer-authentication.ts';
import type { Pod } from '../api/pod.ts';
import type { Service as KubernetesService } from '../api/service.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import type { VirtualService } from '../api/virtual-service.ts';
import type { WorkloadEntry } from '../api/workload-entry.ts';
import { Collection, type Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import { byAge, objectKey, type Store } from '../store/store.ts';
import { authorization, type Authorization } from './authorization.ts';
import { namespaceMode, workloadAuthentication, type ModeDecision, type WorkloadAuthentication } from './authentication.ts';
import { destinationPolicy, isWildcardPolicy, mostSpecific, type DestinationPolicy } from './destination-policy.ts';
import { endpointsOf, type Endpoint, type EndpointInputs } from './endpoint.ts';
import { bySpecificity, coversHost, isWildcard } from './hostname.ts';
import { matchesLabels, type Labels } from './labels.ts';
import type { Route } from './route.ts';
import { byServiceAge, kubernetesService, portNumbered, serviceEntryServices, serviceKey, type Service } from './service.ts';
import { virtualServiceRoute } from './virtual-service.ts';
import { isVisible, visibilityOf, type Visibility } from './visibility.ts';
import { entryWorkload, noLocality, parseLocality, podWorkload, type Locality, type Workload } from './workload.ts';

const networking = 'networking.istio.io';
const security = 'security.istio.io';

interface Aged {
  readonly object: ApiObject<unknown>;
}

/** Derived values in the order of their objects. */
const byObjectAge = (a: Aged, b: Aged): number => byAge(a.object as ApiObject, b.object as ApiObject);

const byPolicyAge = (a: DestinationPolicy, b: DestinationPolicy): number =>
  byAge(a.objects[0] as ApiObject, b.objects[0] as ApiObject);

/** A collection's objects, with the body type that validation has given them. */
const typed = <Body>(objects: readonly ApiObject[]) => objects as unknown as readonly ApiObject<Body>[];

export class Mesh {
  readonly config: MeshConfig;
  /** The DNS domain of cluster services: `cluster.local`. */
  readonly domain: string;
  readonly services: Collection<Service>;
  readonly routes: Collection<Route>;
  readonly policies: Collection<DestinationPolicy>;

  readonly #store: Store;
  readonly #servicesByHost: Index<Service>;
  readonly #servicesByNamespace: Index<Service>;
  readonly #routesByGateway: Index<Route>;
  readonly #meshRoutesByHost: Index<Route>;
  readonly #policiesByHost: Index<DestinationPolicy>;
  readonly #pods: Collection<Workload>;
  readonly #podsByNamespace: Index<Workload>;
  readonly #podsByAddress: Index<Workload>;
  readonly #entriesByNamespace: Index<Workload>;
  readonly #slicesByService: Index<ApiObject>;
  readonly #nodeLocality: Collection<Locality>;
  readonly #authorizations: Index<Authorization>;

  constructor(store: Store, config: MeshConfig, domain = 'cluster.local') {
    this.#store = store;
    this.config = config;
    this.domain = domain;

    this.services = new Collection<Service>(byServiceAge);
    store
      .kind('', 'Service')
      .derive<Service>(byServiceAge, (object, key) => {
        const service = kubernetesService(
          object as unknown as ApiObject<KubernetesService>,
          domain,
          config.defaultServiceExportTo,
        );
        return [[`k8s/${key}`, service]];
      })
      .feed(this.services);
    store
      .kind(networking, 'ServiceEntry')
      .derive<Service>(byServiceAge, (object, key) =>
        serviceEntryServices(object as unknown as ApiObject<ServiceEntry>, config.defaultServiceExportTo).map(
          (service) => [`se/${key}/${service.host}`, service] as const,
        ),
      )
      .feed(this.services);
    this.#servicesByHost = this.services.index((service) => [service.host]);
    this.#servicesByNamespace = this.services.index((service) => [service.namespace]);

    this.routes = store.kind(networking, 'VirtualService').derive<Route>(byObjectAge, (object, key) => {
      const route = virtualServiceRoute(object as unknown as ApiObject<VirtualService>, {
        domain,
        exportTo: config.defaultVirtualServiceExportTo,
      });
      return [[key, route]];
    });
    this.#routesByGateway = this.routes.index((route) => new Set(route.gateways));
    this.#meshRoutesByHost = this.routes.index((route) =>
      servesSidecars(route) ? new Set(route.hosts.map((host) => (isWildcard(host) ? '*' : host))) : [],
    );

    this.policies = store
      .kind(networking, 'DestinationRule')
      .derive<DestinationPolicy>(byPolicyAge, (object, key) => [
        [key, destinationPolicy(object as unknown as ApiObject<DestinationRule>, domain, config.defaultDestinationRuleExportTo)],
      ]);
    this.#policiesByHost = this.policies.index((policy) => [
      isWildcardPolicy(policy) ? `${policy.namespace}/*` : `${policy.namespace}/${policy.host}`,
    ]);

    this.#pods = store
      .kind('', 'Pod')
      .derive<Workload>(byObjectAge, (object, key) => [[key, podWorkload(object as unknown as ApiObject<Pod>)]]);
    this.#podsByNamespace = this.#pods.index((pod) => [pod.namespace]);
    this.#podsByAddress = this.#pods.index((pod) => pod.addresses.map((address) => objectKey(pod.namespace, address)));
    this.#entriesByNamespace = store
      .kind(networking, 'WorkloadEntry')
      .derive<Workload>(byObjectAge, (object, key) => [[key, entryWorkload(object as unknown as ApiObject<WorkloadEntry>)]])
      .index((entry) => [entry.namespace]);
    this.#authorizations = store
      .kind(security, 'AuthorizationPolicy')
      .derive<Authorization>(byObjectAge, (object, key) => [
        [key, authorization(object as unknown as ApiObject<AuthorizationPolicy>)],
      ])
      .index((policy) => [policy.object.metadata.namespace]);
    this.#slicesByService = store.kind('discovery.k8s.io', 'EndpointSlice').index((slice) => {
      const name = slice.metadata.labels['kubernetes.io/service-name'];
      return name === undefined ? [] : [objectKey(slice.metadata.namespace, name)];
    });
    this.#nodeLocality = store.kind('', 'Node').derive<Locality>(
      () => 0,
      ({ metadata: { name, labels } }) => [[name, nodeLocality(labels)]],
    );
  }

  // Services

  /** All services with a host, oldest first: one per namespace that registers it. */
  servicesAt(host: string): readonly Service[] {
    return this.#servicesByHost.get(host);
  }

  servicesIn(namespace: string): readonly Service[] {
    return this.#servicesByNamespace.get(namespace);
  }

  /**
   * The service that a host means to a caller: the visible one in the caller's namespace, else Kubernetes' own, else the oldest
   * (Istio's choice among services with one host).
   */
  serviceSeen(host: string, from: string): Service | undefined {
    let best: Service | undefined;
    for (const service of this.servicesAt(host)) {
      if (!isVisible(service.visibility, from)) continue;
      if (service.namespace === from) return service;
      if (best === undefined || (best.registry !== 'Kubernetes' && service.registry === 'Kubernetes')) best = service;
    }
    return best;
  }

  readonly #visible = family((from): readonly Service[] => {
    const hosts = new Map<string, Service>();
    for (const service of this.services.all()) {
      if (!isVisible(service.visibility, from)) continue;
      const other = hosts.get(service.host);
      if (other === undefined) hosts.set(service.host, service);
      else if (
        other.namespace !== from &&
        (service.namespace === from || (other.registry !== 'Kubernetes' && service.registry === 'Kubernetes'))
      )
        hosts.set(service.host, service);
    }
    return [...hosts.values()];
  });

  /** Every service that a namespace may call, one per host, oldest first. */
  visibleServices(from: string): readonly Service[] {
    return this.#visible(from).value;
  }

  // Endpoints

  readonly #endpoints = family((id): readonly Endpoint[] => {
    const [key = '', port = ''] = splitLast(id);
    const [namespace = '', host = ''] = splitFirst(key);
    const service = this.servicesAt(host).find((candidate) => candidate.namespace === namespace);
    const found = service && portNumbered(service, Number(port));
    return service === undefined || found === undefined ? [] : endpointsOf(service, found, this.#inputs);
  });

  /** Who serves a port of a service; the cell is shared by everyone who asks. */
  endpoints(service: Service, port: number): ReadonlySignal<readonly Endpoint[]> {
    return this.#endpoints(`${serviceKey(service)}|${port}`);
  }

  readonly #inputs: EndpointInputs = {
    pod: (namespace, name) => this.#pods.get(objectKey(namespace, name)),
    podAt: (namespace, address) => this.#podsByAddress.get(objectKey(namespace, address))[0],
    slices: (service) => typed<EndpointSlice>(this.#slicesByService.get(objectKey(service.namespace, service.name))),
    endpoints: (service) =>
      this.#store.kind('', 'Endpoints').get(objectKey(service.namespace, service.name)) as ApiObject<Endpoints> | undefined,
    selectedPods: (service) => this.#selected(this.#podsByNamespace, service),
    selectedEntries: (service) => this.#selected(this.#entriesByNamespace, service),
    localityOf: (workload) => workload.locality ?? this.#nodeLocality.get(workload.node) ?? noLocality,
    networkOf: (workload) => workload.network || this.network,
  };

  #selected(index: Index<Workload>, service: Service): readonly Workload[] {
    const { selector } = service;
    return selector === undefined
      ? []
      : index.get(service.namespace).filter((workload) => matchesLabels(selector, workload.labels));
  }

  /** The network that things without one of their own are in: the root namespace's label. */
  get network(): string {
    const root = this.#store.kind('', 'Namespace').get(objectKey('', this.config.rootNamespace));
    return root?.metadata.labels['topology.istio.io/network'] ?? '';
  }

  readonly #accounts = family((id): string => {
    const [key = '', port = ''] = splitLast(id);
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

  // Workloads

  pod(namespace: string, name: string): Workload | undefined {
    return this.#pods.get(objectKey(namespace, name));
  }

  /** The Pod at an address. */
  podAt(namespace: string, address: string): Workload | undefined {
    return this.#podsByAddress.get(objectKey(namespace, address))[0];
  }

  workloadsIn(namespace: string): readonly Workload[] {
    return [...this.#podsByNamespace.get(namespace), ...this.#entriesByNamespace.get(namespace)];
  }

  entriesIn(namespace: string): readonly Workload[] {
    return this.#entriesByNamespace.get(namespace);
  }

  localityOf(workload: Workload): Locality {
    return this.#inputs.localityOf(workload);
  }

  // Routes

  readonly #routeFor = family((id): Route | undefined => {
    const [from = '', host = ''] = splitFirst(id);
    const seen = (route: Route) => isVisible(route.visibility, from);
    const exact = this.#meshRoutesByHost.get(host).find(seen);
    if (exact !== undefined) return exact;
    let best: { route: Route; host: string } | undefined;
    for (const route of this.#meshRoutesByHost.get('*')) {
      if (!seen(route)) continue;
      for (const pattern of route.hosts) {
        if (!isWildcard(pattern) || !coversHost(pattern, host)) continue;
        if (best === undefined || bySpecificity(pattern, best.host) < 0) best = { route, host: pattern };
      }
    }
    return best?.route;
  });

  /** The rules that a namespace's sidecars follow for a host: an exact host before wildcards, the oldest object first. */
  routeFor(host: string, from: string): Route | undefined {
    return this.#routeFor(`${from}/${host}`).value;
  }

  readonly #unregistered = family((from): readonly { readonly host: string; readonly route: Route }[] => {
    const found = new Map<string, { host: string; route: Route }>();
    for (const route of this.#routesByGateway.get('mesh')) {
      if (!isVisible(route.visibility, from)) continue;
      for (const host of route.hosts) {
        if (!found.has(host) && !this.#isRegistered(host, from)) found.set(host, { host, route });
      }
    }
    return [...found.values()];
  });

  /** Hosts of sidecar rules that no visible service has, each with the oldest rules that name it. */
  unregisteredHosts(from: string): readonly { readonly host: string; readonly route: Route }[] {
    return this.#unregistered(from).value;
  }

  #isRegistered(host: string, from: string): boolean {
    if (!isWildcard(host)) return this.servicesAt(host).some((service) => isVisible(service.visibility, from));
    return this.visibleServices(from).some((service) => coversHost(host, service.host));
  }

  /** Rules bound to a gateway (`ns/name`) that its namespace may see, oldest first. */
  gatewayRoutes(gateway: string, from: string): readonly Route[] {
    return this.#routesByGateway.get(gateway).filter((route) => isVisible(route.visibility, from));
  }

  // Destination policies

  /**
   * The policies that a caller's namespace gets for a host: its own namespace's first, then the service's, then the root
   * namespace's; in each the most specific host, merged (istio.md §2.2). A root-namespace caller looks there last, so that
   * mesh-wide rules do not hide a service's own.
   */
  readonly #policies = family((id): readonly DestinationPolicy[] => {
    const [from = '', rest = ''] = splitFirst(id);
    const [home = '', host = ''] = splitFirst(rest);
    const root = this.config.rootNamespace;
    const of = (namespace: string, seen: (visibility: Visibility) => boolean): readonly DestinationPolicy[] => {
      const filter = (list: readonly DestinationPolicy[]) => list.filter(({ visibility }) => seen(visibility));
      return mostSpecific(
        host,
        filter(this.#policiesByHost.get(`${namespace}/${host}`)),
        filter(this.#policiesByHost.get(`${namespace}/*`)),
      );
    };
    const exported = (visibility: Visibility) => isVisible(visibility, from);
    const privately = (visibility: Visibility) =>
      !visibility.everyone && visibility.namespaces.has(from) && visibility.namespaces.size === 1;
    const own = from === root ? of(root, privately) : of(from, () => true);
    if (own.length > 0) return own;
    const services = home === '' ? [] : of(home, exported);
    return services.length > 0 ? services : of(root, exported);
  });

  destinationPolicies(host: string, home: string, from: string): readonly DestinationPolicy[] {
    return this.#policies(`${from}/${home}/${host}`).value;
  }

  // Authentication and authorization

  #peerAuthentications(namespace: string): readonly ApiObject<PeerAuthentication>[] {
    return typed<PeerAuthentication>(this.#store.inNamespace(security, 'PeerAuthentication', namespace));
  }

  readonly #namespaceMode = family((namespace): ModeDecision =>
    namespaceMode(
      this.#peerAuthentications(this.config.rootNamespace),
      namespace === this.config.rootNamespace ? [] : this.#peerAuthentications(namespace),
    ),
  );

  /** The mutual TLS mode that callers assume of a namespace's services. */
  namespaceMode(namespace: string): ModeDecision {
    return this.#namespaceMode(namespace).value;
  }

  workloadAuthentication(namespace: string, labels: Labels): WorkloadAuthentication {
    const root = this.config.rootNamespace;
    return workloadAuthentication(
      this.#peerAuthentications(root),
      namespace === root ? [] : this.#peerAuthentications(namespace),
      labels,
    );
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
  gatewaysFor(labels: Labels): readonly ApiObject<Gateway>[] {
    return this.gateways().filter(({ body }) => {
      const { selector = {} } = body.spec;
      return matchesLabels(selector, labels);
    });
  }

  gateways(): readonly ApiObject<Gateway>[] {
    return typed<Gateway>(this.#store.kind(networking, 'Gateway').all());
  }

  /** Whether a Gateway named `ns/name` exists. */
  hasGateway(name: string): boolean {
    return this.#store.kind(networking, 'Gateway').get(name) !== undefined;
  }

  secret(namespace: string, name: string): ApiObject | undefined {
    return this.#store.kind('', 'Secret').get(objectKey(namespace, name));
  }

  // What classes of proxies may depend on

  readonly #callerKeys = computed(() => {
    const keys = new Set<string>();
    for (const route of this.routes.all()) {
      for (const rule of [...route.http, ...route.tls, ...route.tcp])
        for (const match of rule.matches) addKeys(keys, match.sourceLabels);
    }
    for (const policy of this.policies.all()) addKeys(keys, policy.callers);
    return keyText(keys);
  });

  readonly #workloadKeys = computed(() => {
    const keys = new Set<string>();
    for (const service of this.services.all()) addKeys(keys, service.selector);
    for (const { body } of typed<PeerAuthentication>(this.#store.kind(security, 'PeerAuthentication').all()))
      addKeys(keys, body.spec?.selector?.matchLabels);
    for (const { body } of typed<AuthorizationPolicy>(this.#store.kind(security, 'AuthorizationPolicy').all()))
      addKeys(keys, body.spec?.selector?.matchLabels);
    for (const { body } of typed<Gateway>(this.#store.kind(networking, 'Gateway').all())) addKeys(keys, body.spec.selector);
    return keyText(keys);
  });

  /** The label keys by which some rule or policy selects callers: other labels change nothing outbound. */
  get callerKeys(): readonly string[] {
    return this.#callerKeys.value.split(',');
  }

  /** The label keys by which some object selects the workloads it is for. */
  get workloadKeys(): readonly string[] {
    return this.#workloadKeys.value.split(',');
  }

  /**
   * Namespaces that see something else than every other: a private object, one of two services with a host, a policy for another
   * namespace's service, a rule for callers from there.
   */
  readonly #special = computed((): ReadonlySet<string> => {
    const special = new Set<string>();
    const addVisibility = (visibility: Visibility) => {
      if (!visibility.everyone) for (const namespace of visibility.namespaces) special.add(namespace);
    };
    const homes = new Map<string, string>();
    for (const service of this.services.all()) {
      addVisibility(service.visibility);
      const other = homes.get(service.host);
      if (other === undefined) homes.set(service.host, service.namespace);
      else special.add(other).add(service.namespace);
    }
    for (const policy of this.policies.all()) {
      addVisibility(policy.visibility);
      // Its own namespace finds such a policy first, others do not find it at all.
      if (policy.namespace !== this.config.rootNamespace && homes.get(policy.host) !== policy.namespace)
        special.add(policy.namespace);
    }
    for (const route of this.routes.all()) {
      addVisibility(route.visibility);
      for (const rule of [...route.http, ...route.tls, ...route.tcp]) {
        for (const { sourceNamespace } of rule.matches) if (sourceNamespace !== undefined) special.add(sourceNamespace);
      }
    }
    return special;
  });

  readonly #outlook = family((namespace): string =>
    namespace === this.config.rootNamespace || this.#special.value.has(namespace) ? namespace : ordinary,
  );

  /**
   * The namespace to look from in the place of a caller's own: itself where that sees anything of its own, else one name for all
   * ordinary namespaces, so that they share everything that is made from what they see.
   */
  outlook(namespace: string): string {
    return this.#outlook(namespace).value;
  }
}

/** No namespace has this name: it sees what everyone sees. */
const ordinary = '';

function addKeys(keys: Set<string>, labels: Labels | undefined): void {
  for (const key of Object.keys(labels ?? {})) keys.add(key);
}

const keyText = (keys: ReadonlySet<string>): string => [...keys].sort().join(',');

const servesSidecars = (route: Route): boolean => route.gateways.includes('mesh');

function nodeLocality(labels: Labels): Locality {
  return {
    region: labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '',
    zone: labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '',
    subZone: labels['topology.istio.io/subzone'] ?? '',
  };
}

const splitFirst = (text: string): [string, string] => {
  const at = text.indexOf('/');
  return [text.slice(0, at), text.slice(at + 1)];
};

const splitLast = (text: string): [string, string] => {
  const at = text.lastIndexOf('|');
  return [text.slice(0, at), text.slice(at + 1)];
};
