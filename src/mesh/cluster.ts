// One Kubernetes cluster of the mesh as it knows itself: its services, pods and nodes, and what their endpoints are made from.

import type { ApiObject } from '../api/object.ts';
import type { EndpointSlice } from '../api/endpoint-slice.ts';
import type { Endpoints } from '../api/endpoints.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { MeshNetworks } from '../api/mesh-networks.ts';
import type { Node } from '../api/node.ts';
import type { Pod } from '../api/pod.ts';
import type { Service as KubernetesService } from '../api/service.ts';
import type { WorkloadEntry } from '../api/workload-entry.ts';
import type { Collection, Index } from '../store/collection.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge, objectKey } from '../store/store.ts';
import type { EndpointInputs } from './endpoint.ts';
import { foundGateways, gatewayService, registryGateways, type FoundGateways, type GatewayService } from './gateway-service.ts';
import { matchesLabels, networkLabel } from './labels.ts';
import { addressNetworks } from './networks.ts';
import { byServiceAge, kubernetesService, type Service } from './service.ts';
import { entryWorkload, kubernetesNode, noLocality, podWorkload, type KubernetesNode, type Workload } from './workload.ts';

/** Workloads in the order of their objects. */
const byObjectAge = (a: Workload, b: Workload): number => byAge(a.object as ApiObject, b.object as ApiObject);

/** What a cluster takes from the mesh that it is in. */
export interface ClusterSurroundings {
  readonly config: MeshConfig;
  /** The DNS domain of cluster services. */
  readonly domain: string;
  readonly networks: MeshNetworks;
  readonly refusesMutualTls: EndpointInputs['refusesMutualTls'];
}

export class Cluster {
  readonly id: string;
  readonly #objects: StoreReader;
  /** Its Kubernetes Services, each as this cluster has it. */
  readonly services: Collection<Service>;
  /** What the endpoints of its services are made from. */
  readonly inputs: EndpointInputs;
  readonly #nodes: Collection<KubernetesNode>;
  readonly #pods: Collection<Workload>;
  readonly #podsByNamespace: Index<Workload>;
  readonly #podsByAddress: Index<Workload>;
  readonly #entries: Collection<Workload>;
  readonly #entriesByNamespace: Index<Workload>;
  readonly #gateways: Collection<GatewayService>;

  constructor(id: string, objects: StoreReader, { config, domain, networks, refusesMutualTls }: ClusterSurroundings) {
    this.id = id;
    this.#objects = objects;
    const networkAt = addressNetworks(networks, id);
    const named = registryGateways(networks, id);
    this.services = objects
      .kind('', 'Service')
      .derive<Service>(byServiceAge, (object, key) => [
        [key, kubernetesService(object as unknown as ApiObject<KubernetesService>, id, domain, config.defaultServiceExportTo)],
      ]);
    this.#pods = objects
      .kind('', 'Pod')
      .derive<Workload>(byObjectAge, (object, key) => [[key, podWorkload(object as unknown as ApiObject<Pod>)]]);
    this.#podsByNamespace = this.#pods.index((pod) => [pod.namespace]);
    this.#podsByAddress = this.#pods.index((pod) => pod.addresses.map((address) => objectKey(pod.namespace, address)));
    this.#entries = objects
      .kind('networking.istio.io', 'WorkloadEntry')
      .derive<Workload>(byObjectAge, (object, key) => [[key, entryWorkload(object as unknown as ApiObject<WorkloadEntry>)]]);
    this.#entriesByNamespace = this.#entries.index((entry) => [entry.namespace]);
    this.#nodes = objects.kind('', 'Node').derive<KubernetesNode>(
      (a, b) => byAge(a.object, b.object),
      (object) => [[object.metadata.name, kubernetesNode(object as unknown as ApiObject<Node>)]],
    );
    const slices = objects.kind('discovery.k8s.io', 'EndpointSlice').index((slice) => {
      const name = slice.metadata.labels['kubernetes.io/service-name'];
      return name === undefined ? [] : [objectKey(slice.metadata.namespace, name)];
    });
    this.#gateways = objects.kind('', 'Service').derive<GatewayService>(
      (a, b) => byAge(a.object as unknown as ApiObject, b.object as unknown as ApiObject),
      (object, key) => {
        const gateway = gatewayService(object as unknown as ApiObject<KubernetesService>, domain, named);
        return gateway === undefined ? [] : [[key, gateway]];
      },
    );
    /** The root namespace's label says where everything is that says nothing of itself. */
    const ownNetwork = (): string =>
      objects.kind('', 'Namespace').get(objectKey('', config.rootNamespace))?.metadata.labels[networkLabel] ?? '';
    this.inputs = {
      cluster: id,
      pod: (namespace, name) => this.pod(namespace, name),
      podAt: (namespace, address) => this.podAt(namespace, address),
      slices: ({ namespace, name }) => slices.get(objectKey(namespace, name)) as unknown as readonly ApiObject<EndpointSlice>[],
      endpoints: ({ namespace, name }) =>
        objects.kind('', 'Endpoints').get(objectKey(namespace, name)) as ApiObject<Endpoints> | undefined,
      selectedPods: (service) => selected(this.#podsByNamespace, service),
      selectedEntries: (service) => selected(this.#entriesByNamespace, service),
      localityOf: ({ locality, node }) => locality ?? this.#nodes.get(node)?.locality ?? noLocality,
      networkAt: (address) => ownNetwork() || networkAt(address),
      refusesMutualTls,
    };
  }

  /** The Services that take connections from other networks in. */
  gateways(): FoundGateways[] {
    return this.#gateways.all().map((service) => foundGateways(service, this.id, () => this.#nodes.all()));
  }

  /** A Secret or ConfigMap, which gateways in this cluster may name. */
  held(kind: 'Secret' | 'ConfigMap', namespace: string, name: string): ApiObject | undefined {
    return this.#objects.kind('', kind).get(objectKey(namespace, name));
  }

  pod(namespace: string, name: string): Workload | undefined {
    return this.#pods.get(objectKey(namespace, name));
  }

  /** The Pod at an address. */
  podAt(namespace: string, address: string): Workload | undefined {
    return this.#podsByAddress.get(objectKey(namespace, address))[0];
  }

  entries(): readonly Workload[] {
    return this.#entries.all();
  }

  entriesIn(namespace: string): readonly Workload[] {
    return this.#entriesByNamespace.get(namespace);
  }
}

const selected = (index: Index<Workload>, { selector, namespace }: Service): readonly Workload[] =>
  selector === undefined ? [] : index.get(namespace).filter((workload) => matchesLabels(selector, workload.labels));
